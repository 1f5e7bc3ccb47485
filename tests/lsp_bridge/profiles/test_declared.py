"""A profile from plain values: what each field takes, and what it refuses."""

import math
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge import PROFILES, Profile
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.profiles.declared import FORMS, declare, is_harmless
from lsp_bridge.profiles.profile import Incomplete, Unfinished
from lsp_bridge.servers.project import Project
from monitors.errors import ConfigError

PROJECT = Project(root=Path("/work/shop"), interpreter="/usr/bin/python3")
IN_CODE_ONLY = {"name", "open_type", "type_rule", "implied"}
"""Rules that are functions; a new profile takes them over from the one it is based on."""
BASE = Profile(
    name="base",
    languages=frozenset({"zig"}),
    command=("zls",),
    install="apt install zls",
    settings=lambda project: {"zls": {"snippets": True, "paths": ["a"], "root": "none"}},
    environment=lambda project: {"A": "1", "B": "2"},
)


def declared(**table: Any) -> Profile:
    """The table over `BASE`."""
    return declare("mine", table, BASE, where="mgd.toml: profiles.mine")


def test_every_field_can_be_declared_but_rules_in_code() -> None:
    """A field that is added to `Profile` with an unknown type must be thought about."""
    assert {each.name for each in fields(Profile)} - set(FORMS) == IN_CODE_ONLY


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("languages", ["zig", "zon"], frozenset({"zig", "zon"})),
        ("command", ["zls", "--flag"], ("zls", "--flag")),
        ("install", "brew install zls", "brew install zls"),
        ("start_timeout_s", 60, 60.0),
        ("patience_s", 0.5, 0.5),
        ("open_documents", 3, 3),
        ("incremental", False, False),
        ("incomplete", "complete", Incomplete.COMPLETE),
        ("unfinished", "keep", Unfinished.KEEP),
        ("encodings", ["utf-8", "utf-16"], (Encoding.UTF8, Encoding.UTF16)),
        ("dropped_kinds", ["keyword", 15, "type_parameter"], frozenset({14, 15, 25})),
        ("dropped_kinds", [], frozenset()),
        (
            "unknown_lists",
            [["await"], ["a", "b"]],
            frozenset({frozenset("ab"), frozenset(["await"])}),
        ),
        ("names", r"\w+", re.compile(r"\w+")),
        ("dropped_labels", r".*!", re.compile(r".*!")),
        ("experimental", {"a": True}, {"a": True}),
    ],
)
def test_a_value_is_read(key: str, value: object, expected: object) -> None:
    """Enumerations by value, kinds by name or number; everything else stays as it was."""
    profile = declared(**{key: value})

    assert profile == replace(BASE, name="mine", **{key: expected})


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("languages", "zig", "a list of texts"),
        ("languages", [], "a list of texts"),
        ("command", "zls", "a list of texts"),
        ("command", [], "a list of texts"),
        ("command", ["zls", 1], "a list of texts"),
        ("install", "", "a text"),
        ("start_timeout_s", True, "a number above 0"),
        ("start_timeout_s", 0, "a number above 0"),
        ("start_timeout_s", math.inf, "a number above 0"),
        ("start_timeout_s", math.nan, "a number above 0"),
        ("start_timeout_s", "60", "a number above 0"),
        ("open_documents", 1.5, "a whole number above 0"),
        ("open_documents", True, "a whole number above 0"),
        ("open_documents", 0, "a whole number above 0"),
        ("incremental", "no", "true or false"),
        ("incomplete", "whole", "one of complete, drop"),
        ("incomplete", ["drop"], "one of complete, drop"),
        ("encodings", ["utf-7"], "a list of utf-8, utf-16, utf-32"),
        ("dropped_kinds", ["nonsense"], "a list of kinds"),
        ("dropped_kinds", [26], "a list of kinds"),
        ("dropped_kinds", [True], "a list of kinds"),
        ("dropped_kinds", 14, "a list of kinds"),
        ("unknown_lists", ["await"], "a list of lists"),
        ("unknown_lists", "await", "a list of lists"),
        ("names", "(", "a regular expression"),
        ("settings", [], "a table"),
        ("environment", {"A": 1}, "a table of texts"),
    ],
)
def test_a_wrong_value_is_refused(key: str, value: object, hint: str) -> None:
    """The message says where, what was got and what was expected."""
    with pytest.raises(ConfigError) as caught:
        declared(**{key: value})

    message = str(caught.value)
    assert message.startswith(f"mgd.toml: profiles.mine.{key}: got {value!r}")
    assert f"expected {hint}" in message


@pytest.mark.parametrize("key", ["nonsense", *sorted(IN_CODE_ONLY)])
def test_an_unknown_key_is_refused(key: str) -> None:
    """With the keys that there are."""
    with pytest.raises(ConfigError, match=f"unknown key '{key}'; expected some of .*command"):
        declared(**{key: "x"})


def test_settings_are_merged_into_those_of_the_base() -> None:
    """Tables key by key, lists and values as wholes; ``{root}`` is the workspace's root."""
    profile = declared(settings={"zls": {"paths": ["{root}/b", 1], "root": "{root}"}, "new": 1})

    assert profile.settings(PROJECT) == {
        "zls": {"snippets": True, "paths": ["/work/shop/b", 1], "root": "/work/shop"},
        "new": 1,
    }
    assert BASE.settings(PROJECT)["zls"]["paths"] == ["a"]


def test_variables_and_options_are_merged_too() -> None:
    """Over what the base sets for the same project."""
    profile = declared(
        environment={"B": "{root}", "C": "3"}, initialization_options={"x": {"y": 1}}
    )

    assert profile.environment(PROJECT) == {"A": "1", "B": "/work/shop", "C": "3"}
    assert profile.initialization_options(PROJECT) == {"x": {"y": 1}}


def test_a_server_can_be_kept_to_trusted_workspaces() -> None:
    """With the reason why."""
    assert declared(runs_code="its plug-ins").runs_code(PROJECT) == "its plug-ins"


def test_a_profile_without_a_base_needs_what_has_no_default() -> None:
    """Languages, command and the way to install it."""
    table = {"languages": ["zig"], "command": ["zls"], "install": "apt install zls"}

    assert declare("zls", table, where="here") == Profile(
        name="zls", languages=frozenset({"zig"}), command=("zls",), install="apt install zls"
    )
    for key in table:
        rest = {name: value for name, value in table.items() if name != key}
        with pytest.raises(ConfigError, match=f"here: no {key}; .*based_on"):
            declare("zls", rest, where="here")


def test_an_empty_table_changes_nothing_but_the_name() -> None:
    """For every profile that comes with the project, rules in code included."""
    for profile in PROFILES.values():
        assert declare("again", {}, profile, where="here") == replace(profile, name="again")


def test_harmless_is_what_holds_no_text_of_ones_own() -> None:
    """Nothing that could name a program, a path, or a pattern that never ends."""
    harmful = {
        *(
            "command",
            "install",
            "version_command",
            "multilspy",
            "runs_code",
            "names",
            "dropped_labels",
        ),
        *("initialization_options", "settings", "environment", "experimental"),
    }

    assert {key for key in FORMS if not is_harmless(key)} == harmful
    assert not is_harmless("nonsense")
