"""Tokens in the database; who made and who revoked one stands in the audit trail."""

from datetime import datetime

from sqlalchemy import RowMapping, insert, select, update

from ivr.audit import AuditEntry
from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.store.outcome_tables import tokens
from ivr.store.store import Store
from ivr.tokens import Scope, Token


class TokenStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, token: Token) -> None:
        """On disk when this returns, with its audit entry."""
        values = {name: getattr(token, name) for name in Token.__slots__}
        values["scopes"] = _sorted(token)
        async with self._store.writing() as connection:
            await connection.execute(insert(tokens).values(values))
            entry = AuditEntry(
                at=token.at,
                by=token.by,
                action="token.create",
                subject=token.id,
                province=token.province,
                detail={"name": token.name, "scopes": _sorted(token)},
            )
            await self._store.note_decision(connection, entry)

    async def revoke(self, name: str, *, by: str, at: datetime) -> Token:
        """It opens nothing from now on; the first word on it stays. Raises BadInput for none."""
        chosen = tokens.c.id == name
        first = update(tokens).where(chosen, tokens.c.revoked_at.is_(None))
        async with self._store.writing() as connection:
            changed = await connection.execute(first.values(revoked_by=by, revoked_at=at))
            found = (await connection.execute(select(tokens).where(chosen))).mappings()
            row = found.one_or_none()
            if row is None:
                raise BadInput(f"There is no token {name!r}; `ivr token list` shows all.")
            token = _token(row)
            if changed.rowcount:
                entry = AuditEntry(
                    at=at, by=by, action="token.revoke", subject=name, province=token.province
                )
                await self._store.note_decision(connection, entry)
        return token

    async def token(self, name: str) -> Token | None:
        rows = await self._store.rows(select(tokens).where(tokens.c.id == name))
        return _token(rows[0]) if rows else None

    async def all(self) -> tuple[Token, ...]:
        """Also those that open nothing any more, in the order in which they were made."""
        statement = select(tokens).order_by(tokens.c.at, tokens.c.id)
        return tuple(map(_token, await self._store.rows(statement)))


def _sorted(token: Token) -> list[str]:
    return sorted(scope.value for scope in token.scopes)


def _token(row: RowMapping) -> Token:
    """Scopes of a later version open nothing here."""
    known = frozenset(Scope(scope) for scope in row["scopes"] if scope in set(Scope))
    province = ProvinceId(row["province"]) if row["province"] else None
    return Token(**{**row, "scopes": known, "province": province})
