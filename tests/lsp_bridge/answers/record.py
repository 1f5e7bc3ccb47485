"""Record what the live language servers answer to the cases in `tests.lsp_bridge.answers.cases`.

``python -m tests.lsp_bridge.answers.record [SERVER]...`` asks every installed server, or those
named, and writes ``recorded/<server>/<language>-<case>.json``. Look at the difference before you
commit it: what is read from an answer today is what the test expects tomorrow.
"""

import asyncio
import importlib
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lsp_bridge import PROFILES
from lsp_bridge.answers import completions
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers.client import Client, Job
from lsp_bridge.servers.installed import version
from lsp_bridge.servers.project import discover
from monitors.protocols import Document, Members, Query, QueryKind
from tests.workspaces import written

FOLDER = Path(__file__).with_name("recorded")
MARK = "‸"
"""The cursor in a case's text."""

_DEADLINE_S = 60.0
_UNREAD = ("command", "data", "documentation", "sortText")
"""Parts of items that hold paths of this machine, or are long, and that nobody reads."""


class _Listener(Client):
    """A client that keeps the last question and response."""

    job: Job
    response: Any = None

    async def _request(self, job: Job, method: str, params: dict[str, Any]) -> Any:
        self.job = job
        self.response = await super()._request(job, method, params)
        return self.response


def main(servers: list[str]) -> None:
    """Record the named servers, or all that are installed."""
    for profile in PROFILES.values():
        if profile.name in servers or (not servers and version(profile)):
            for module in _cases(profile):
                asyncio.run(_record(profile, module))


def _cases(profile: Profile) -> list[ModuleType]:
    """Modules of cases in the languages of a server."""
    folder = Path(__file__).with_name("cases")
    modules = (path.stem for path in sorted(folder.glob("[a-z]*.py")))
    found = [importlib.import_module(f"tests.lsp_bridge.answers.cases.{name}") for name in modules]
    return [module for module in found if module.LANGUAGE in profile.languages]


async def _record(profile: Profile, module: ModuleType) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = written(Path(name).resolve(), {module.FILE: "", **module.PROJECT})
        client = _Listener(replace(profile, type_rule=None), discover(root))
        if failure := await client.start():
            sys.exit(f"{profile.name}: {failure}")
        for case, text in module.CASES.items():
            answer = await _ask(client, module, root / module.FILE, text)
            _write(FOLDER / profile.name / f"{module.LANGUAGE}-{case}.json", answer)
        await client.close()


async def _ask(client: _Listener, module: ModuleType, path: Path, text: str) -> dict[str, Any]:
    prefix, _, suffix = text.partition(MARK)
    document = Document(module.LANGUAGE, str(path), prefix, suffix)
    await client.ask(Query(QueryKind.MEMBERS, document), _DEADLINE_S)
    question, response = client.job.question, _essential(client.response)
    encoding = client._documents.encoding
    record = {
        "server": client.profile.name,
        "version": version(client.profile),
        "language": module.LANGUAGE,
        "encoding": str(encoding),
        "text": question.text,
        "cursor": question.cursor,
        "response": response,
    }
    return record | reading(record)


def reading(record: dict[str, Any]) -> dict[str, Any]:
    """What is read from a recorded response: names, or the reason why there are none."""
    profile = PROFILES[record["server"]]
    encoding = Encoding(record["encoding"])
    answer = completions.read(
        record["response"], profile, record["text"], record["cursor"], encoding
    )
    if isinstance(answer, Members):
        return {"names": [name.text for name in answer.names]}
    return {"names": [], "reason": str(answer.reason)}


def _essential(response: Any) -> Any:
    if isinstance(response, list):
        return [{key: item[key] for key in item if key not in _UNREAD} for item in response]
    return response and response | {"items": _essential(response["items"])}


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(key)}: {_value(value)}" for key, value in record.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _value(value: Any) -> str:
    """JSON with one completion item in a line."""
    if isinstance(value, dict):
        return "{" + ",\n".join(f"{json.dumps(k)}: {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1:])
