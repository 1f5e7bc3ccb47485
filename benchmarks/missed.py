"""Why written names were not listed: what was found by looking at the source and the answer."""

_OTHER_SYSTEM = "exists on Windows only, where the module is used"
_UNREACHABLE = "behind a `raise` on other systems than Windows: taken as never reached"
_WRONG_TYPE = "the author silenced a type checker: the declared type has no such member"
_FACTORY = "the result of a factory is taken for a function"
_SYNTAX_NODE = "typed as ESTree declares it, which leaves out what the linter adds"

EXAMINED = {
    ("click", "click/_winconsole.py", "get_osfhandle"): _OTHER_SYSTEM,
    ("rich", "rich/_win32_console.py", "_handle"): _UNREACHABLE,
    ("werkzeug", "werkzeug/urls.py", "end"): _WRONG_TYPE,
    ("werkzeug", "werkzeug/routing/rules.py", "col_offset"): _WRONG_TYPE,
    (
        "starlette",
        "starlette/middleware/opentelemetry.py",
        "get_tracer_provider",
    ): "the package is not installed, and the file, which has its name, is taken for it",
    ("eslint", "lib/languages/js/source-code/token-store/index.js", "getOneToken"): _FACTORY,
    (
        "eslint",
        "lib/rules/array-callback-return.js",
        "currentSegments",
    ): "inferred from the first of two literals",
    (
        "eslint",
        "lib/shared/translate-cli-options.js",
        "plugins",
    ): "the statement that defines the member",
    ("eslint", "lib/rules/max-len.js", "parent"): _SYNTAX_NODE,
    ("eslint", "lib/rules/semi.js", "parent"): _SYNTAX_NODE,
    (
        "crates",
        "usr/share/cargo/registry/serde_json-1.0.87/src/number.rs",
        "NegInt",
    ): "switched off by #[cfg]: the alternative is compiled",
    (
        "monolog",
        "Monolog/Test/TestCase.php",
        "any",
    ): "inherited from PHPUnit, which is not there; nothing in the answer shows it",
}
"""By project, path and name; the projects are pinned."""


def cause(project: str, path: str, name: str) -> str:
    """One phrase, or empty for a name that nobody has looked at."""
    return EXAMINED.get((project, path, name), "")
