"""Dereference sites of finished source files: the ground truth that monitors are measured on."""

from evaluation.sites.finder import DereferenceSite, dereference_sites
from evaluation.sites.languages import SITE_LANGUAGES
from evaluation.sites.sampling import sample, shares

__all__ = ["SITE_LANGUAGES", "DereferenceSite", "dereference_sites", "sample", "shares"]
