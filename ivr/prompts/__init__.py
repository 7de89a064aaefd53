"""Everything the line says: the catalogue of texts, the audio built from it, and its check."""

from ivr.prompts.builder import BuildReport, build
from ivr.prompts.catalogue import Catalogue, Prompt, load_catalogue
from ivr.prompts.checker import CheckReport, check
from ivr.prompts.listing import Entry, list_prompts

__all__ = [
    "BuildReport",
    "Catalogue",
    "CheckReport",
    "Entry",
    "Prompt",
    "build",
    "check",
    "list_prompts",
    "load_catalogue",
]
