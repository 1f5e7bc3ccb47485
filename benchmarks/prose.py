"""The words of the report; it has no figures of its own."""

HEAD = """# Benchmarks

Every figure on this page comes from a file in [benchmarks/results](../benchmarks/results);
`python -m benchmarks report` renders the page again. To measure on your machine:

```console
$ make bench                                   # everything, then this page
$ python -m benchmarks steps                   # one: recall, replay, soundness, ...
$ python -m benchmarks replay --server jedi    # with other servers: printed, not kept
$ python -m benchmarks all --limit 5 --json    # smaller samples: printed as JSON, not kept
```

Those called vLLM and endpoint need [vLLM](serving.md) too; `all` leaves them out without it.

The packages are pinned wheels from PyPI; the first run downloads them, with what they depend on,
into the user's cache folder. Projects in other languages come from npm and Debian, with `npm` and
`apt-get`. Nothing of them is run.
"""
ABOUT = {
    "recall": """Every live server is asked at dereference sites of real projects, as generation
would ask: the document ends behind the operator, the rest of the file behind the name follows. A
site is *answered* if the server gave a closed list; *recall* is the share of those whose list holds
the name that was written.""",
    "replay": """Real modules are completed line by line, as an editor would have it (the rest of
the file is known), with their own tokens forced. A site is a name behind a dot, outside strings,
comments, imports and the definitions of members. It is *constrained* if the server gave a closed
list, and *allowed* if the masks let every token of the true name pass. *Refused* tokens are counted
over all that is replayed: definitions, comments and declarations too. Sites are taken in stretches
of ten from everywhere in the files, with all that is written between them; tests, and modules
without a dereference, are left out. Mappers, whose metaclasses and computed names make attributes,
and code for several platforms have a target of their own and count among all tokens.""",
    "monitors": """Real projects, replayed under each of the other [monitors](monitors.md) for
itself, with the server that is the default of the language. A point is a call at which the monitor
asked; it is *allowed* if no token of the true text was refused there. Steps are timed in Python
with all questions answered at once, so that nothing but the work of monitors, vocabulary and
session counts.""",
    "replay-languages": """Real projects in the other languages, completed in the same way, each
with the server that is the default of its language. The target is over everything that is written:
the share of all tokens, those of definitions, comments and declarations too, that the masks let
pass.
Sites are taken in stretches of ten from everywhere in the files, with all that is written between
them; files without a dereference are left out.""",
    "soundness": """Random logits are masked as an engine's adapter does it, at places inside
functions of the packages where a statement was taken out. Receivers and dots are made likely,
members are not. Then every name behind a dot is judged by a server that was started afterwards and
has no cache. A dot at which the server has no closed list goes unconstrained and is not judged.""",
    "steps": """Real text is accepted token by token; queries are answered at once, so this is the
work of monitor, session and vocabulary alone: `accept` and the following `step`. *Unconstrained*:
nothing was masked and nothing asked. *Constrained*: a mask was looked up or built, or the monitor
was answered, with every name that is dereferenced in the same file. *Judged*: the token holds a dot
and a name, and the name was looked up in that list.""",
    "lists": """Completion lists of a wide type are read into names, as they come from a server.
Times are processor time for one list.""",
    "masks": """The index of a vocabulary and packed masks for 400 names, for names that were not
seen before and for equal names in other objects. Times are those of the slowest kind of leading
white space.""",
    "overhead": """Whole files are replayed; a sleep stands for the forward pass, and the time
without monitors is that of the sleeps as they were. The server is started anew for each file, so
its first look at a project counts.""",
    "vllm": """One vLLM with the bundled model, the processor and a bridge beside it, as `mgd
serve` starts them. The same prompts are served unguided and guided, either one first in turns, then
guided once more. They end behind operators of real code, so that all requests of a batch ask at
once in their first step, or where lines begin, in files of a package in mixed order. No document is
asked about twice, so no answer comes from a cache, but when they are served once more: then all do,
where the same texts are generated again (they are not when sampled at temperature 0.8).
*Own*: time in the processor, waiting for answers left out, as a share of the time of the guided
batches. Its *wall* time holds what the system took away meanwhile; *processor* time is that of the
processor's thread alone. *Hidden*: of the time that the answers took which were waited for, counted
from asking, the share that had passed when the logits were there. Model, vLLM's core, bridge and
language server share the machine's cores; vLLM's core keeps one of them busy by itself while it
waits for its worker (it spins). The model is tiny, so that an answer takes longer than several of
its steps: the throughput is far from that of guided decoding with a real one.""",
    "vllm-step": """As before, with a sleep in every step, unguided ones too, which stands for a
larger model on a GPU. As there, vLLM's core and its worker are one process; the model has one
thread. What remains is decided by what the language server needs for a query: pyrefly checks the
whole file anew after every change, ty what is asked for.""",
    "endpoint": """A plain `vllm serve` of the bundled model, guided from outside. Rests of lines
behind operators of real code are completed, first unguided, that is without monitors but by the
same means, then guided with several settings. *Resamples*: samples that did not count. *Dropped*:
tokens behind a refused one, or behind the end of the line. *Fallbacks*: places at which allowed
tokens were offered in turns. The server's cache holds prompts and texts, rounds before the first
saw to that; each setting has a language server of its own, and its time includes waiting for that.
Guided texts differ from unguided ones, so compare tokens per second too.""",
}
HEADINGS = {
    "monitors": "Other monitors",
    "replay-languages": "Replay in other languages",
    "vllm": "vLLM",
    "vllm-step": "vLLM with longer steps",
}
"""Headings of sections that are not just the benchmark's name."""
PARTS = {
    "forward": "forward passes, as asked for",
    "late_sleeps": "sleeps that ended late",
    "waiting": "waiting for the language server",
    "masks": "building and finding masks",
    "accept_and_step": "monitor and session",
    "starts_and_asking": "starting sessions (one for each line), asking ahead, everything else",
}
