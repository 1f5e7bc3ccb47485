"""One running language server: documents in, answers out, a bound on every wait.

A client belongs to the event loop that made it. At most ``profile.requests_in_flight`` requests
are out at a time and never two for one document, so that contents of interleaved sessions do not
mix; questions that somebody waits for go first. Nothing is asked of a server that is not ready,
and what it answered while it turned unready is asked again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from lsp_bridge.answers import completions, signatures, type_definitions
from lsp_bridge.answers.python import imports
from lsp_bridge.answers.python.modules import Sources
from lsp_bridge.answers.python.receivers import Receivers
from lsp_bridge.documents import overlay
from lsp_bridge.documents.open_documents import Documents
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.documents.question import Preparer, Question
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers import launch, requirements
from lsp_bridge.servers.project import Project
from lsp_bridge.servers.readiness import gate
from lsp_bridge.servers.timing import bound, pauses_s
from lsp_bridge.servers.transport import ConnectionLostError, GarbledMessageError, ResponseError
from lsp_bridge.servers.watching import FileEvent
from monitors.protocols import Answer, Members, Query, QueryKind, Reason, Unavailable

_log = logging.getLogger(__name__)
_REQUEST_CANCELLED = -32800
_FAILED_STARTS = (
    OSError,
    TimeoutError,
    ConnectionLostError,
    GarbledMessageError,
    ResponseError,
)
_ASK_AGAIN = frozenset({-32801, -32802})
"""Content modified and server cancelled: the server was busy with something else."""


class Job:
    """One question on its way; `answer` is always set in the end, never to an exception."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.urgent = False
        """Whether somebody waits for the answer."""
        self.number: int | None = None
        """Id of the request once it was sent."""
        self.withdrawn = False
        """Whether nobody wants the answer any more."""

    def settle(self, answer: Answer) -> None:
        """Set the answer, once."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Client:
    """One server for one workspace."""

    def __init__(self, profile: Profile, project: Project) -> None:
        self.profile = profile
        self._project = project
        self._why_unknown: str | None = None
        self._connection = launch.connection(profile, project)
        self._documents = Documents(self._connection, profile)
        self._waiting: list[Job] = []
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._preparer = Preparer()
        self._gate = gate(profile)
        self._introduced = False
        self._closed = False
        self._offered: Mapping[str, Any] = {}
        """The server's capabilities."""
        self._receivers = self._new_receivers()

    def _new_receivers(self) -> Receivers | None:
        """What is known of the classes of receivers: nothing yet."""
        if not self.profile.reads_classes:
            return None
        return Receivers(self._project, self.profile.lists_what_unions_share)

    @property
    def ready(self) -> bool:
        """Whether the server can be asked now."""
        return self._introduced and self._gate.is_open

    @property
    def alive(self) -> bool:
        """Whether the server can still answer, or is being started."""
        return not self._connection.closed.is_set()

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._connection.pid

    def changed(self, events: Sequence[FileEvent]) -> None:
        """Tell the server of files that have changed on disk."""
        if self._introduced and self.alive:
            self._connection.notification("workspace/didChangeWatchedFiles", {"changes": events})
            self._documents.renew()
            self._receivers = self._new_receivers()

    async def start(self) -> Unavailable | None:
        """Launch the server and introduce the workspace; returns what went wrong, if anything."""
        try:
            await self._connection.start()
            launch.serve_requests(self._connection, self.profile, self._project)
            self._listen()
            async with bound(self.profile.start_timeout_s, "no answer to initialize"):
                await self._initialise()
            async with bound(self.profile.ready_timeout_s, "not ready"):
                await self._until_ready()
        except _FAILED_STARTS as error:
            return await self._give_up(f"did not start: {str(error) or type(error).__name__}")
        except Exception as error:  # noqa: BLE001  # of a profile's rules, or our own
            _log.exception("%s: could not be started", self.profile.name)
            return await self._give_up(f"did not start: {error!r}")
        self._introduced = True
        if self._gate.problem:
            _log.warning("%s: %s", self.profile.name, self._gate.problem)
        self._pump()
        return None

    def _listen(self) -> None:
        """Show the gate what the server says about itself."""
        for method in self._gate.methods:

            async def notice(params: Any, method: str = method) -> None:
                self._gate.notice(method, params)

            self._connection.on_notification(method, notice)

    async def _initialise(self) -> None:
        result = await self._connection.request(
            "initialize", launch.parameters(self.profile, self._project)
        )
        capabilities = result.get("capabilities") if isinstance(result, dict) else None
        if not isinstance(capabilities, dict):
            raise GarbledMessageError("the answer to initialize holds no capabilities")
        self._offered = capabilities
        chosen = capabilities.get("positionEncoding")
        if chosen in tuple(self.profile.encodings):
            self._documents.encoding = Encoding(chosen)
        self._connection.notification("initialized", {})
        settings = dict(self.profile.settings(self._project))
        self._connection.notification("workspace/didChangeConfiguration", {"settings": settings})

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
            return
        job.withdrawn = True
        if job.number is not None:
            self._connection.cancel(job.number)

    def _pump(self) -> None:
        """Send what may be sent now."""
        while self._introduced and len(self._running) < self.profile.requests_in_flight:
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
            async with bound(self.profile.ready_timeout_s, "not ready"):
                job.settle(await self._trusted(job))
        except TimeoutError as error:
            job.settle(Unavailable(Reason.TIMEOUT, f"the server hangs: {error}"))
            await self._give_up(str(error))
        except ConnectionLostError:
            job.settle(self.crashed())
        except GarbledMessageError as error:
            job.settle(Unavailable(Reason.BAD_ANSWER, str(error)))
        except ResponseError as error:
            late = error.code == _REQUEST_CANCELLED
            if not late:  # the server's copy of the document may be what is broken
                self._documents.forget(job.question.uri)
            job.settle(Unavailable(Reason.TIMEOUT if late else Reason.SERVER_ERROR, str(error)))

    async def _trusted(self, job: Job) -> Answer:
        """The answer that the server gave while it was ready all the time."""
        while True:
            closings = await self._until_ready()
            if self._gate.problem:
                return Unavailable(Reason.SERVER_ERROR, self._gate.problem)
            if job.withdrawn:
                return Unavailable(Reason.TIMEOUT, "given up")
            async with bound(self.profile.patience_s, "no answer"):
                answer = await self._exchange(job)
            if self._gate.held(closings):
                return answer

    async def _until_ready(self) -> int:
        """Wait for the gate. Raises ConnectionLostError if the server ends meanwhile."""
        opening = asyncio.ensure_future(self._gate.ready())
        lost = asyncio.ensure_future(self._connection.closed.wait())
        try:
            await asyncio.wait((opening, lost), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                raise ConnectionLostError("the server ended before it was ready")
            return opening.result()
        finally:
            opening.cancel()
            lost.cancel()

    async def _exchange(self, job: Job) -> Answer:
        match job.question.kind:
            case QueryKind.MEMBERS:
                return await self._members(job)
            case QueryKind.SIGNATURES:
                return await self._signatures(job)
            case QueryKind.IMPORTS:
                return await self._imports(job)
            case other:
                return Unavailable(Reason.SERVER_ERROR, f"nobody asks about {other}")

    async def _signatures(self, job: Job) -> Answer:
        if not self.profile.reads_signatures or "signatureHelpProvider" not in self._offered:
            return Unavailable(Reason.NOT_OFFERED, f"{self.profile.name} is not asked about calls")
        await self._show(job.question)
        params = self._at(job.question) | {"context": {"triggerKind": 1, "isRetrigger": False}}
        response = await self._request(job, "textDocument/signatureHelp", params)
        before = job.question.text[: job.question.cursor]
        return signatures.read(response, self.profile, job.question.language, before)

    async def _imports(self, job: Job) -> Answer:
        if not self.profile.reads_imports:
            name = self.profile.name
            return Unavailable(Reason.NOT_OFFERED, f"{name} is not asked about imports")
        at = imports.place(job.question)
        if at.is_outermost:
            if self._why_unknown is None:
                self._why_unknown = requirements.why_unknown(self._project)
            if self._why_unknown:
                return Unavailable(Reason.OPEN_TYPE, self._why_unknown)
        found = await self._listed(job, job.question)
        if isinstance(found, Unavailable):
            return found
        other = imports.submodules(job.question, at) if self.profile.omits_submodules else None
        if other is not None:
            found = imports.joined(found, await self._listed(job, other))
        return imports.of_source(job.question, at, Sources(self._project)).added_to(found)

    async def _listed(self, job: Job, question: Question) -> Members | Unavailable:
        """What may stand where a name has its first character."""
        await self._show(question)
        params = self._at(question) | {"context": {"triggerKind": 1}}
        response = await self._request(job, "textDocument/completion", params)
        encoding, begin = self._documents.encoding, question.cursor - 1
        return completions.read_plain(response, self.profile, question.text, begin, encoding)

    async def _show(self, question: Question) -> None:
        await self._documents.show(question, {each.question.uri for each in self._running})

    def _at(self, question: Question) -> dict[str, Any]:
        """The question's document and position."""
        at = overlay.position(question.text, question.cursor, self._documents.encoding)
        return {"textDocument": {"uri": question.uri}, "position": at.to_lsp()}

    async def _members(self, job: Job) -> Answer:
        rule = None if self._project.trusted else self.profile.type_rule
        receiver = None if rule is None else type_definitions.receiver(job.question)
        question = job.question if receiver is None else receiver.question
        await self._show(question)
        encoding = self._documents.encoding
        params = self._at(question) | {"context": {"triggerKind": 1}}
        response = await self._request(job, "textDocument/completion", params)
        answer = completions.read(response, self.profile, question.text, question.cursor, encoding)
        if isinstance(answer, Unavailable):
            return answer
        ask = partial(self._request, job)
        if self._receivers is not None:
            types = partial(self._request_if_possible, job)
            extra = await self._receivers.look_up(question, answer, encoding, types)
            return extra.added_to(answer)
        if rule is None:
            return answer
        why = await type_definitions.why_open(rule, receiver, encoding, ask)
        return Unavailable(Reason.OPEN_TYPE, why) if why else answer

    async def _request_if_possible(self, job: Job, method: str, params: dict[str, Any]) -> Any:
        """The result, or None where the server answers with an error: the list is there already."""
        try:
            return await self._request(job, method, params)
        except ResponseError:
            return None

    async def _request(self, job: Job, method: str, params: dict[str, Any]) -> Any:
        for pause_s in pauses_s(self.profile.patience_s / 2):
            try:
                return await self._send(job, method, params)
            except ResponseError as error:
                if error.code not in _ASK_AGAIN or job.withdrawn:
                    raise
            await asyncio.sleep(pause_s)
        return await self._send(job, method, params)

    async def _send(self, job: Job, method: str, params: dict[str, Any]) -> Any:
        job.number, reply = self._connection.begin(method, params)
        return await reply

    async def close(self) -> None:
        """End the server; questions still under way are answered `Unavailable`."""
        self._introduced = False
        self._closed = True
        self._drop_waiting(self.crashed())
        await self._connection.close()

    async def _give_up(self, why: str) -> Unavailable:
        if not self._closed:
            _log.warning("%s: %s", self.profile.name, why)
        tail = self._connection.stderr_tail
        answer = Unavailable(Reason.CRASHED, f"{why}; {tail}" if tail else why)
        self._introduced = False
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
