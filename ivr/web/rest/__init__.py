"""The API for programs below /api/v1: declared once as routes, from which its document is made."""
