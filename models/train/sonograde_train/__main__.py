"""`python -m sonograde_train COMMAND`."""

import argparse
from pathlib import Path

from . import contract, evaluate, export, golden, smoke, train
from .data import BadLabels


def main() -> None:
    """Parses the command line and runs one command."""
    parser = argparse.ArgumentParser(prog="sonograde_train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module, text in (
        (train, "train a network on a folder"),
        (export, "fuse, quantize and write the ONNX file"),
        (evaluate, "figures on unseen patients"),
        (golden, "write golden vectors"),
        (smoke, "the whole pipeline in miniature"),
    ):
        name = module.__name__.rsplit(".", 1)[1]
        module.add_arguments(commands.add_parser(name, help=text))
    checker = commands.add_parser("check", help="check an ONNX file against models/README.md")
    checker.add_argument("file", type=Path)
    checker.set_defaults(run=lambda args: print(f"keeps the contract: {contract.check(args.file)}"))
    args = parser.parse_args()
    try:
        args.run(args)
    except (BadLabels, contract.ContractError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
