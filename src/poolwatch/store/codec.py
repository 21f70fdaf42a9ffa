"""Accounts to and from their stored form: compact JSON, exact, and tolerant of what cannot be read.

Decimals are texts, instants RFC 3339 in UTC. A running refresh is not stored. Keys that are not known
are ignored; a damaged usage field or line of the recent past is dropped; any other damage makes the
whole document unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble
from poolwatch.domain.naming import Name
from poolwatch.domain.pool import AccountState, DeadLogin, Happening
from poolwatch.domain.refresh import Change
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import Usage
from poolwatch.store.doc import UNREADABLE, Doc, Fields, as_json, digits, finite, tidy
from poolwatch.store.instants import to_text
from poolwatch.store.usage_codec import instant_text, usage_fields, usage_from


def stored_form(account: AccountState) -> AccountState:
    """The account as it will come back: without its running refresh and the refreshes it remembers."""
    lately = tuple(
        replace(line, refresh=None) for line in account.lately if line.changes or line.failure is not None
    )
    return replace(account, refresh=None, lately=lately)


def encode_account(account: AccountState) -> str:
    """The stored form of an account."""
    return as_json(
        tidy(
            {
                "key": _key_fields(account.key),
                "listings": [_listing_fields(listing) for listing in account.listings],
                "label": account.name.label,
                "group": account.name.group,
                "usage": usage_fields(account.usage),
                "read_at": instant_text(account.read_at),
                "tried_at": instant_text(account.tried_at),
                "failures": account.failures,
                "reading_trouble": _trouble_fields(account.reading_trouble),
                "login_trouble": _trouble_fields(account.login_trouble),
                "dead_login": _dead_fields(account.dead_login),
                "rejected": sorted(account.rejected),
                "deactivations": account.deactivations,
                "lately": [_happening_fields(line) for line in stored_form(account).lately],
                "silent": [_silent_fields(ref, why) for ref, why in account.silent.items()],
            }
        )
    )


def decode_account(text: object, *, lately: bool = True) -> AccountState | None:
    """The account in a stored document, None when it cannot be read; its recent past only with `lately`.

    Never raises.
    """
    try:
        return _account(Doc.parse(text), lately=lately)
    except UNREADABLE:
        return None


def failure_fields(failure: Failure | None) -> Fields | None:
    """The stored form of a failure."""
    if failure is None:
        return None
    return tidy(
        {
            "kind": failure.kind,
            "message": failure.message,
            "retry_at": instant_text(failure.retry_at),
            "detail": failure.detail,
            "login_problem": failure.login_problem,
        }
    )


def failure_from(doc: Doc | None) -> Failure | None:
    """A failure from its stored form. ValueError when it is damaged."""
    if doc is None:
        return None
    return Failure(
        kind=doc.need_choice("kind", FailureKind),
        message=doc.need_text("message"),
        retry_at=doc.instant("retry_at"),
        detail=doc.text("detail"),
        login_problem=doc.choice("login_problem", LoginProblem),
    )


def _account(doc: Doc, *, lately: bool) -> AccountState:
    usage = doc.part("usage")
    return AccountState(
        key=_key(Doc(doc.need("key"))),
        listings=tuple(_listing(Doc(item)) for item in doc.items("listings")),
        name=Name(doc.text("label") or "", doc.text("group")),
        usage=Usage() if usage is None else usage_from(usage),
        read_at=doc.instant("read_at"),
        tried_at=doc.instant("tried_at"),
        failures=doc.whole("failures") or 0,
        reading_trouble=_trouble(doc.part("reading_trouble")),
        login_trouble=_trouble(doc.part("login_trouble")),
        dead_login=_dead(doc.part("dead_login")),
        rejected=frozenset(doc.texts("rejected")),
        deactivations=doc.whole("deactivations") or 0,
        lately=tuple(_happenings(doc.items("lately"))) if lately else (),
        silent=dict(_silent(Doc(item)) for item in doc.items("silent")),
    )


def _key_fields(key: AccountKey) -> Fields:
    return {
        "provider": key.provider,
        "user_id": key.user_id,
        "account_id": key.account_id,
        "source": key.source,
        "place": key.place,
    }


def _key(doc: Doc) -> AccountKey:
    return AccountKey(
        provider=doc.need_text("provider"),
        user_id=doc.text("user_id") or "",
        account_id=doc.text("account_id") or "",
        source=doc.text("source") or "",
        place=doc.text("place") or "",
    )


def _listing_fields(listing: Listing) -> Fields:
    return tidy(
        {
            "source": listing.ref.source,
            "place": listing.ref.place,
            "provider": listing.provider,
            "user_id": listing.user_id,
            "account_id": listing.account_id,
            "email": listing.email,
            "folder": listing.folder,
            "label": listing.label,
            "plan": listing.plan,
            "custody": listing.custody,
            "login": listing.login,
            "expires_at": instant_text(listing.token.expires_at),
            "last_refresh": instant_text(listing.token.last_refresh),
            "fingerprint": listing.token.fingerprint,
            "refresh_fingerprint": listing.token.refresh_fingerprint,
            "owner": listing.owner,
            "path": listing.path,
            "home": listing.home,
            "disabled": listing.disabled or None,
            "renews_itself": listing.renews_itself or None,
            "says_login_needed": listing.says_login_needed or None,
            "problem": listing.problem,
            "subscription_until": instant_text(listing.subscription_until),
            "subscription_checked_at": instant_text(listing.subscription_checked_at),
            "workspace": listing.workspace,
        }
    )


def _listing(doc: Doc) -> Listing:
    return Listing(
        ref=SourceRef(doc.need_text("source"), doc.need_text("place")),
        provider=doc.need_text("provider"),
        user_id=doc.text("user_id"),
        account_id=doc.text("account_id"),
        email=doc.text("email"),
        folder=doc.text("folder"),
        label=doc.text("label"),
        plan=doc.text("plan"),
        custody=doc.need_choice("custody", Custody),
        login=doc.need_choice("login", LoginKind),
        token=TokenFacts(
            expires_at=doc.instant("expires_at"),
            last_refresh=doc.instant("last_refresh"),
            fingerprint=doc.text("fingerprint"),
            refresh_fingerprint=doc.text("refresh_fingerprint"),
        ),
        owner=doc.text("owner") or "",
        path=doc.text("path"),
        home=doc.text("home"),
        disabled=bool(doc.flag("disabled")),
        renews_itself=bool(doc.flag("renews_itself")),
        says_login_needed=bool(doc.flag("says_login_needed")),
        problem=doc.text("problem"),
        subscription_until=doc.instant("subscription_until"),
        subscription_checked_at=doc.instant("subscription_checked_at"),
        workspace=doc.text("workspace"),
    )


def _silent_fields(ref: SourceRef, why: Trouble) -> Fields:
    return {"source": ref.source, "place": ref.place, "why": _trouble_fields(why)}


def _silent(doc: Doc) -> tuple[SourceRef, Trouble]:
    why = _trouble(Doc(doc.need("why")))
    if why is None:
        raise ValueError("no trouble")
    return SourceRef(doc.need_text("source"), doc.need_text("place")), why


def _trouble_fields(trouble: Trouble | None) -> Fields | None:
    if trouble is None:
        return None
    return tidy(
        {
            "kind": trouble.kind,
            "message": trouble.message,
            "since": to_text(trouble.since),
            "retry_at": instant_text(trouble.retry_at),
            "detail": trouble.detail,
        }
    )


def _trouble(doc: Doc | None) -> Trouble | None:
    if doc is None:
        return None
    return Trouble(
        kind=doc.need_choice("kind", FailureKind),
        message=doc.need_text("message"),
        since=doc.need_instant("since"),
        retry_at=doc.instant("retry_at"),
        detail=doc.text("detail"),
    )


def _dead_fields(dead: DeadLogin | None) -> Fields | None:
    if dead is None:
        return None
    return tidy(
        {
            "refresh_fingerprint": dead.refresh_fingerprint,
            "problem": dead.problem,
            "since": to_text(dead.since),
        }
    )


def _dead(doc: Doc | None) -> DeadLogin | None:
    if doc is None:
        return None
    return DeadLogin(
        doc.text("refresh_fingerprint"), doc.need_choice("problem", LoginProblem), doc.need_instant("since")
    )


def _happening_fields(line: Happening) -> Fields:
    changes = [
        tidy({"name": each.name, "before": _figure(each.before), "after": _figure(each.after)})
        for each in line.changes
    ]
    return tidy({"at": to_text(line.at), "changes": changes or None, "failure": failure_fields(line.failure)})


def _figure(value: float | Decimal | None) -> object:
    return digits(value) if isinstance(value, Decimal) else finite(value)


def _happenings(items: Iterable[object]) -> Iterable[Happening]:
    for item in items:
        try:
            doc = Doc(item)
            changes = tuple(_change(Doc(each)) for each in doc.items("changes"))
            yield Happening(doc.need_instant("at"), changes, failure_from(doc.part("failure")))
        except UNREADABLE:
            continue


def _change(doc: Doc) -> Change:
    return Change(doc.need_text("name"), doc.figure("before"), doc.figure("after"))
