"""Who may ask: the token, the name in Host, other pages, the headers of every answer."""

from world import until


def check_alive(world):
    """healthz answers as soon as it listens, readyz once it sees pipeline and database."""
    answer = world.get("/healthz")
    assert (answer.status, answer.text) == (200, "ok\n"), answer
    until("it is ready", 30, lambda: world.get("/readyz").status == 200, 0.1)
