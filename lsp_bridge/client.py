"""One running language server: documents in, answers out, a bound on every wait.

A client belongs to the event loop that made it. At most ``profile.requests_in_flight`` requests
are out at a time and never two for one document, so that contents of interleaved sessions do not
mix; questions that somebody waits for go first.
"""

import asyncio
import logging
import os
import shutil
import sys
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from lsp_bridge import completions, overlay
from lsp_bridge.overlay import Encoding
from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.project import Project
from lsp_bridge.question import Preparer, Question
from lsp_bridge.transport import (
    Connection,
    ConnectionLostError,
    GarbledMessageError,
    ResponseError,
    multilspy_parameters,
)
from monitors.errors import ServerError
from monitors.protocols import Answer, Query, Reason, Unavailable

_log = logging.getLogger(__name__)
_REQUEST_CANCELLED = -32800
_CONTENT_MODIFIED = -32801


class Job:
    """One question on its way; `answer` is always set in the end, never to an exception."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.urgent = False
        """Whether somebody waits for the answer."""
        self.number: int | None = None
        """Id of the request once it was sent."""

    def settle(self, answer: Answer) -> None:
        """Set the answer, once."""
        if not self.answer.done():
            self.answer.set_result(answer)


class _Open:
    """A document as the server knows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.version = 1


class Client:
    """One server for one workspace."""

    def __init__(self, profile: Profile, project: Project) -> None:
        self.profile = profile
        self._project = project
        self._connection = Connection(
            _found(profile), project.root, {"PATH": _search_path(), **profile.environment}
        )
        self._encoding = Encoding.UTF16
        self._documents: OrderedDict[str, _Open] = OrderedDict()
        self._waiting: list[Job] = []
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._preparer = Preparer()
        self.ready = False

    @property
    def alive(self) -> bool:
        """Whether the server can still answer, or is being started."""
        return not self._connection.closed.is_set()

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._connection.pid

    async def start(self) -> Unavailable | None:
        """Launch the server and introduce the workspace; returns what went wrong, if anything."""
        try:
            await self._connection.start()
            self._serve_requests()
            async with asyncio.timeout(self.profile.start_timeout_s):
                await self._initialise()
        except (
            OSError,
            TimeoutError,
            ConnectionLostError,
            GarbledMessageError,
            ResponseError,
        ) as error:
            return await self._give_up(f"did not start: {str(error) or type(error).__name__}")
        self.ready = True
        self._pump()
        return None

    async def _initialise(self) -> None:
        result = await self._connection.request("initialize", self._parameters())
        capabilities = result.get("capabilities") if isinstance(result, dict) else None
        if not isinstance(capabilities, dict):
            raise GarbledMessageError("the answer to initialize holds no capabilities")
        chosen = capabilities.get("positionEncoding")
        if chosen in tuple(self.profile.encodings):
            self._encoding = Encoding(chosen)
        self._connection.notification("initialized", {})
        settings = dict(self.profile.settings(self._project))
        self._connection.notification("workspace/didChangeConfiguration", {"settings": settings})

    def _parameters(self) -> dict[str, Any]:
        root = self._project.root
        base: dict[str, Any] = {}
        if self.profile.multilspy:
            base = multilspy_parameters(self.profile.multilspy, root, self.profile.command[0])
        return base | {
            "processId": os.getpid(),
            "clientInfo": {"name": "monitor-guided-decoding"},
            "rootPath": str(root),
            "rootUri": root.as_uri(),
            "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
            "capabilities": _capabilities(self.profile),
            "initializationOptions": dict(self.profile.initialization_options(self._project)),
        }

    def _serve_requests(self) -> None:
        folder = {"uri": self._project.root.as_uri(), "name": self._project.root.name}
        settings = self.profile.settings(self._project)

        async def configuration(params: Any) -> list[Any]:
            return [_section(settings, item.get("section") or "") for item in params["items"]]

        async def folders(params: Any) -> list[dict[str, str]]:
            return [folder]

        async def accept(params: Any) -> None:
            return None

        async def refuse_edit(params: Any) -> dict[str, bool]:
            return {"applied": False}

        connection = self._connection
        connection.on_request("workspace/configuration", configuration)
        connection.on_request("workspace/workspaceFolders", folders)
        connection.on_request("workspace/applyEdit", refuse_edit)
        for method in ("client/registerCapability", "client/unregisterCapability"):
            connection.on_request(method, accept)
        connection.on_request("window/workDoneProgress/create", accept)
        connection.on_request("window/showMessageRequest", accept)

    async def ask(self, query: Query, deadline_s: float) -> Answer:
        """Answer to ``query``, or `Unavailable` after ``deadline_s`` seconds at the latest.

        Raises nothing for a server's faults. The path must lie in the workspace.
        """
        question = self._preparer.prepare(query, query.document.path, self.profile)
        job = self.submit(question)
        job.urgent = True
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(job.answer), deadline_s)
        self.withdraw(job)
        return Unavailable(Reason.TIMEOUT, f"{deadline_s:g} s")

    def submit(self, question: Question) -> Job:
        """Queue a question. It is sent when the server is ready and free."""
        job = Job(question)
        if not self.alive:
            job.settle(self.crashed())
        else:
            self._waiting.append(job)
            self._pump()
        return job

    def withdraw(self, job: Job) -> None:
        """Give up a question: never sent if it still waits, else the server is told."""
        if job in self._waiting:
            self._waiting.remove(job)
            job.settle(Unavailable(Reason.TIMEOUT, "given up before it was sent"))
        elif job.number is not None:
            self._connection.cancel(job.number)

    def _pump(self) -> None:
        """Send what may be sent now."""
        while self.ready and len(self._running) < self.profile.requests_in_flight:
            job = self._next()
            if job is None:
                return
            self._waiting.remove(job)
            task = asyncio.get_running_loop().create_task(self._run(job))
            self._running[job] = task
            task.add_done_callback(partial(self._done, job))

    def _next(self) -> Job | None:
        busy = {job.question.path for job in self._running}
        if not self.profile.serialise_documents:
            busy = set()
        free = [job for job in self._waiting if job.question.path not in busy]
        return next((job for job in free if job.urgent), free[0] if free else None)

    def _done(self, job: Job, task: asyncio.Task[None]) -> None:
        self._running.pop(job, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("%s: a question could not be asked", self.profile.name, exc_info=error)
        job.settle(Unavailable(Reason.SERVER_ERROR, f"not asked: {error!r}"))
        if self.alive:
            self._pump()
        else:
            self._drop_waiting(self.crashed())

    async def _run(self, job: Job) -> None:
        try:
            async with asyncio.timeout(self.profile.patience_s):
                job.settle(await self._exchange(job))
        except TimeoutError:
            job.settle(Unavailable(Reason.TIMEOUT, "the server hangs"))
            await self._give_up(f"no answer in {self.profile.patience_s:g} s")
        except ConnectionLostError:
            job.settle(self.crashed())
        except GarbledMessageError as error:
            job.settle(Unavailable(Reason.BAD_ANSWER, str(error)))
        except ResponseError as error:
            late = error.code == _REQUEST_CANCELLED
            job.settle(Unavailable(Reason.TIMEOUT if late else Reason.SERVER_ERROR, str(error)))

    async def _exchange(self, job: Job) -> Answer:
        question = job.question
        self._synchronise(question)
        place = overlay.position(question.text, question.cursor, self._encoding)
        params = {
            "textDocument": {"uri": question.uri},
            "position": place.to_lsp(),
            "context": {"triggerKind": 1},
        }
        response = await self._complete(job, params)
        return completions.read(
            response, self.profile, question.text, question.cursor, self._encoding
        )

    async def _complete(self, job: Job, params: dict[str, Any]) -> Any:
        for attempt in (1, 2):
            job.number, reply = self._connection.begin("textDocument/completion", params)
            try:
                return await reply
            except ResponseError as error:
                if attempt == 2 or error.code != _CONTENT_MODIFIED:
                    raise
        raise AssertionError("unreachable")

    def _synchronise(self, question: Question) -> None:
        """Make the server's copy of the document equal to the question's text."""
        document = self._documents.get(question.uri)
        if document is None:
            self._open(question)
        elif document.text != question.text:
            self._change(question, document)
        self._documents.move_to_end(question.uri)
        self._close_old()

    def _open(self, question: Question) -> None:
        self._documents[question.uri] = _Open(question.text)
        item = {
            "uri": question.uri,
            "languageId": question.language,
            "version": 1,
            "text": question.text,
        }
        self._connection.notification("textDocument/didOpen", {"textDocument": item})

    def _change(self, question: Question, document: _Open) -> None:
        change = overlay.change(document.text, question.text, self._encoding)
        whole = {"text": question.text}
        content = change.to_lsp() if change is not None and self.profile.incremental else whole
        document.text = question.text
        document.version += 1
        versioned = {"uri": question.uri, "version": document.version}
        params = {"textDocument": versioned, "contentChanges": [content]}
        self._connection.notification("textDocument/didChange", params)

    def _close_old(self) -> None:
        busy = {job.question.uri for job in self._running}
        idle = [uri for uri in self._documents if uri not in busy]
        for uri in idle[: max(0, len(self._documents) - self.profile.open_documents)]:
            del self._documents[uri]
            self._connection.notification("textDocument/didClose", {"textDocument": {"uri": uri}})

    async def close(self) -> None:
        """End the server; questions still under way are answered `Unavailable`."""
        self.ready = False
        self._drop_waiting(self.crashed())
        await self._connection.close()

    async def _give_up(self, why: str) -> Unavailable:
        _log.warning("%s: %s", self.profile.name, why)
        tail = self._connection.stderr_tail
        answer = Unavailable(Reason.CRASHED, f"{why}; {tail}" if tail else why)
        self.ready = False
        await self._connection.kill()
        self._drop_waiting(answer)
        return answer

    def _drop_waiting(self, answer: Answer) -> None:
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            job.settle(answer)

    def crashed(self) -> Unavailable:
        """The answer of a server that is gone."""
        return Unavailable(Reason.CRASHED, self._connection.stderr_tail)

    async def ended(self) -> None:
        """Return once the server is gone, for whatever reason; nothing of it is left then."""
        await self._connection.closed.wait()
        await self._connection.kill()
        self._drop_waiting(self.crashed())


def executable(name: str) -> str | None:
    """Path of a program: beside the running interpreter first, then on PATH."""
    return shutil.which(name, path=_search_path())


def _search_path() -> str:
    beside = str(Path(sys.executable).parent)
    return os.pathsep.join(filter(None, (beside, os.environ.get("PATH"))))


def missing(profile: Profile) -> ServerError:
    """The error that says how to install the server of ``profile``."""
    return ServerError(
        f"language server {profile.name!r} is not installed: {profile.command[0]!r} was found"
        f" neither beside {sys.executable} nor on PATH; install it with: {profile.install}"
    )


def _found(profile: Profile) -> tuple[str, ...]:
    program = executable(profile.command[0])
    if program is None:
        raise missing(profile)
    return (program, *profile.command[1:])


def _capabilities(profile: Profile) -> dict[str, Any]:
    item = {
        "snippetSupport": False,
        "insertReplaceSupport": False,
        "deprecatedSupport": True,
        "tagSupport": {"valueSet": [1]},
        "labelDetailsSupport": True,
    }
    completion = {"completionItem": item, "contextSupport": True, "dynamicRegistration": False}
    return {
        "general": {"positionEncodings": [str(each) for each in profile.encodings]},
        "workspace": {"configuration": True, "workspaceFolders": True},
        "window": {"workDoneProgress": False},
        "textDocument": {
            "completion": completion,
            "synchronization": {"dynamicRegistration": False},
        },
    }


def _section(settings: Tree, section: str) -> Any:
    value: Any = settings
    for part in filter(None, section.split(".")):
        value = value.get(part) if isinstance(value, dict) else None
    return value
