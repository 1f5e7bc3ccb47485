"""Where and when the made-up results of these tests were measured."""


def machine(**servers: str | None) -> dict[str, object]:
    """A machine with those versions of servers."""
    return {
        "date": "2026-01-02 03:04 UTC",
        "cpu": "Some CPU",
        "cores": 2,
        "system": "Linux x86_64",
        "python": "3.11.0",
        "servers": servers,
        "version": "abc1234",
        "took_s": 90.0,
    }
