"""Everything the line says: the catalogue of texts, the audio built from it, and its check.

Nothing is imported here: who serves calls needs the catalogue alone, not what makes sounds.
"""
