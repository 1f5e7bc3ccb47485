"""Names in a completion that do not exist, as its user would want to know them."""

from pathlib import Path

from decoding import warming
from decoding.prompt.workspace import Position
from decoding.request import Request
from decoding.wiring import ServerAnalyst, monitor_for
from evaluation.audit import audit
from lsp_bridge import ServerPool
from monitors.languages.registry import language_named


def invented_names(
    path: str | Path,
    position: Position,
    text: str,
    workspace: str | Path | None = None,
    *,
    server: str | None = None,
    deadline_s: float = 5.0,
    start_timeout_s: float = warming.START_TIMEOUT_S,
    trust_workspace: bool = False,
    pool: ServerPool | None = None,
) -> list[str]:
    """Names in ``text``, as inserted at ``position``, that the language server does not know.

    Members whose receiver's type is unknown are not judged. Deadlines as in `generate`. Raises
    `UsageError`.
    """
    request = Request.of(
        path,
        position,
        workspace,
        server=server,
        deadline_s=deadline_s,
        start_timeout_s=start_timeout_s,
        trust_workspace=trust_workspace,
        pool=pool,
    )
    document = request.document()
    pool = request.open_pool(document)
    if start_timeout_s > 0:
        warming.begin(pool, document, server)
        warming.finish(pool, document, server, start_timeout_s)
    analyst = ServerAnalyst(pool, server)
    verdicts = audit(
        monitor_for(document.language),
        language_named(document.language),
        lambda query: analyst.ask(query).result(deadline_s),
        document,
        text,
    )
    return [verdict.name for verdict in verdicts if not verdict.valid]
