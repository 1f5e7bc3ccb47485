"""Which packages may be trained on: those under a permissive licence and no restrictive one."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser

_PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|Apache-2\.0|PSF|Python Software Foundation|ISC|Unlicense|0BSD|HPND"
    r"|Zope Public|ZPL|CNRI|MIT-0|CC0|Public Domain)\b",
    re.IGNORECASE,
)
_RESTRICTIVE = re.compile(
    r"GPL|General Public|\bMPL|Mozilla|EUPL|\bEPL|Proprietary|Commercial|\bSSPL|BUSL|Business"
    r"|Elastic|CC-BY-NC|Other/Proprietary|NVIDIA",
    re.IGNORECASE,
)
_LICENCE_TEXTS = (
    ("MIT", "Permission is hereby granted, free of charge"),
    ("Apache-2.0", "Apache License"),
    ("BSD", "Redistribution and use in source and binary forms"),
)


@dataclass(frozen=True)
class Source:
    """Where documents came from, as recorded in ``sources.csv``."""

    name: str
    version: str
    licence: str


def wheel_source(wheel: zipfile.ZipFile) -> Source | None:
    """The name, version and licence in a wheel's metadata; None if it is not permissive."""
    meta_name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    meta = HeaderParser().parsestr(wheel.read(meta_name).decode("utf-8", "replace"))
    named = [meta.get("License-Expression", ""), (meta.get("License") or "")[:200]]
    named += [c for c in meta.get_all("Classifier", []) if c.startswith("License ::")]
    licence = "; ".join(part.split("\n")[0].strip() for part in named if part.strip())
    if not _PERMISSIVE.search(licence) and not _RESTRICTIVE.search(licence):
        licence = _licence_from_files(wheel)
    if not _PERMISSIVE.search(licence) or _RESTRICTIVE.search(licence):
        return None
    return Source(meta["Name"].lower(), meta["Version"], licence[:100])


def _licence_from_files(wheel: zipfile.ZipFile) -> str:
    for name in wheel.namelist():
        if ".dist-info/" in name and re.search(r"licen[cs]e|copying", name, re.IGNORECASE):
            text = " ".join(wheel.read(name).decode("utf-8", "replace").split())
            if "General Public" in text:
                return "GPL"
            return next((label for label, mark in _LICENCE_TEXTS if mark in text), "")
    return ""
