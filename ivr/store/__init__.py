"""Records, journal and outcomes in a database (SQLAlchemy, Alembic)."""
