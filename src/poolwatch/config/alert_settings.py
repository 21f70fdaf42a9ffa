"""`[[alerts]]` of the file: what people are told of, and what is wrong with a rule."""

# no `annotations` from __future__: the tables are read from them
from collections.abc import Collection, Mapping
from datetime import time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.layers import Layers, dotted
from poolwatch.config.values import Raw, Row, Wrong, nearest, printable, quoted
from poolwatch.domain.alerts import BuiltIn, QuietHours, Rule, Severity
from poolwatch.domain.when import time_of
from poolwatch.words.catalogue import mark
from poolwatch.words.config import said

if TYPE_CHECKING:
    from poolwatch.domain.query.tree import Query

ONCE: Final = "once"
_LEAST_REPEAT: Final = timedelta(minutes=1)


def _span(raw: Raw) -> timedelta | Wrong:
    found = time_of(raw.value) if isinstance(raw.value, str) else None
    return Wrong(said("not_time_span", value=quoted(raw.value))) if found is None else found


def _repeat(raw: Raw) -> str | Wrong:
    found = time_of(raw.value) if isinstance(raw.value, str) and raw.value != ONCE else None
    if raw.value != ONCE and (found is None or found < _LEAST_REPEAT):
        return Wrong(said("not_repeat", value=quoted(raw.value)))
    return str(raw.value)


class AlertSettings(Struct, frozen=True):
    """One alert of the file."""

    name: Annotated[str, Row(values.line(64), mark("what it is called"))]
    when: Annotated[
        str | None,
        Row(
            values.line(),
            mark(
                'a filter of accounts and balances, "event:KIND", or "budget:NAME>=90"; '
                "unset: that of the rule of that name which is there by default"
            ),
        ),
    ] = None
    held_for: Annotated[timedelta, Row(_span, mark("how long that must hold"))] = timedelta(0)
    clear: Annotated[
        str | None, Row(values.line(), mark("a filter that ends it; unset: 5 points below what began it"))
    ] = None
    repeat_every: Annotated[str, Row(_repeat, mark('"once", or how often it is told again, like "4h"'))] = (
        ONCE
    )
    severity: Annotated[
        str, Row(values.one_of([each.value for each in Severity]), mark("info, warning or critical"))
    ] = Severity.WARNING.value
    channels: Annotated[tuple[str, ...], Row(values.names, mark("where it goes besides the screen"))] = ()
    quiet_hours: Annotated[
        str | None, Row(values.quiet_hours, mark("when it is held; unset: as in [notify]"))
    ] = None

    @property
    def rule(self) -> Rule:
        """As alerts are judged."""
        return Rule(
            self.name,
            self.when or "",
            self.held_for,
            self.clear,
            None if self.repeat_every == ONCE else time_of(self.repeat_every),
            Severity(self.severity),
            self.channels,
            quiet_hours_of(self.quiet_hours),
        )


def quiet_hours_of(text: str | None) -> QuietHours | None:
    """`22:00-07:00` as two times; the text was checked as it was read."""
    if text is None:
        return None
    begins, _, ends = text.partition("-")
    return QuietHours(time.fromisoformat(begins), time.fromisoformat(ends))


def check_alert(
    layers: Layers, index: int, alert: AlertSettings, saved: object, budgets: Collection[str]
) -> None:
    """Whether a rule asks for something that there is. `saved` are the filters of the file, by name."""
    from poolwatch.domain.alert_rules import event_of, is_of_budget

    if alert.when is None:
        if alert.name not in set(BuiltIn):
            why = said("limit_lacks", table=dotted("alerts", index), name="when")
            layers.in_file(why, "alerts", index)
        if alert.clear is not None:
            layers.in_file(_clear_of_what(index), "alerts", index, "clear")
    elif (kind := event_of(alert.when)) is not None:
        _check_event(layers, index, alert, kind)
    elif is_of_budget(alert.when):
        _check_budgets(layers, index, alert, budgets)
    else:
        filters = saved if isinstance(saved, dict) else {}
        for key, text in (("when", alert.when), ("clear", alert.clear)):
            if text is not None:
                _check_filter(layers, index, key, text, filters)


def _clear_of_what(index: int) -> str:
    return said("clear_of_what", table=dotted("alerts", index))


def _check_event(layers: Layers, index: int, alert: AlertSettings, kind: str) -> None:
    from poolwatch.domain.alert_rules import events

    known = list(events())
    if kind not in known:
        why = said("no_such_event", table=dotted("alerts", index), name=printable(kind))
        layers.in_file(why, "alerts", index, "when", suggestion=nearest(kind, known))
    if alert.clear is not None:
        layers.in_file(_clear_of_what(index), "alerts", index, "clear")
    for key, is_given in (
        ("for", alert.held_for > timedelta(0)),
        ("repeat_every", alert.repeat_every != ONCE),
    ):
        if is_given:
            why = said("not_for_event", table=dotted("alerts", index), name=key)
            layers.in_file(why, "alerts", index, key)


def _check_budgets(layers: Layers, index: int, alert: AlertSettings, budgets: Collection[str]) -> None:
    from poolwatch.domain.alert_rules import ANY_BUDGET, budget_of

    prefix, begins = dotted("alerts", index), budget_of(alert.when or "")
    if begins is None:
        layers.in_file(
            said("not_budget_rule", table=prefix, value=quoted(alert.when)), "alerts", index, "when"
        )
        return
    name = begins[0]
    if name != ANY_BUDGET and name not in budgets:
        table = said("alert_called", name=printable(alert.name))
        why = said("no_such_budget", table=table, name=printable(name))
        layers.in_file(
            why, "alerts", index, "when", suggestion=nearest(name, budgets), lacks=("budgets", name)
        )
    ends = budget_of(alert.clear or "", "<")
    if alert.clear is not None and (ends is None or ends[0] != name or ends[1] > begins[1]):
        why = said("not_budget_clear", table=prefix, name=printable(name), value=quoted(alert.clear))
        layers.in_file(why, "alerts", index, "clear")


def _check_filter(layers: Layers, index: int, key: str, text: str, saved: Mapping[object, object]) -> None:
    """Whether a filter chooses accounts, and nothing is wrong with it; saved ones are there."""
    from poolwatch.domain.alert_rules import judged_of
    from poolwatch.domain.query.fields import FIELDS, Among
    from poolwatch.domain.query.language import SAVED, parse
    from poolwatch.domain.query.tree import Look, Word, leaves
    from poolwatch.words.query import fault_text, foreign

    texts = {str(name).casefold(): each for name, each in saved.items() if isinstance(each, str)}
    parsed = parse(text, {name: parse(each).query for name, each in texts.items()})
    prefix = f"{dotted('alerts', index)}.{key}"
    if parsed.faults:
        layers.in_file(
            f"{prefix} {said('wrong_filter', why=fault_text(parsed.faults[0]))}", "alerts", index, key
        )
        return
    wrong = "" if any(judged_of(parsed.query)) else _of_nothing(parsed.query)
    if wrong:
        layers.in_file(f"{prefix} {said('wrong_filter', why=wrong)}", "alerts", index, key)
    for leaf in leaves(parsed.query):
        if isinstance(leaf, Word) and leaf.text.startswith(SAVED):
            near = nearest(leaf.text, [SAVED + name for name in texts])
            why = said("no_saved_filter", table=prefix, name=printable(leaf.text))
            layers.in_file(why, "alerts", index, key, suggestion=near)
        elif isinstance(leaf, Look) and FIELDS[leaf.field].of_usage:
            why = f"{prefix} {said('wrong_filter', why=foreign(leaf.field, Among.ACCOUNTS))}"
            layers.in_file(why, "alerts", index, key)


def _of_nothing(query: "Query") -> str:
    """Why a filter is judged of nothing: it asks for what balances have and for what they lack."""
    from poolwatch.domain.query.fields import FIELDS, OF_BALANCES
    from poolwatch.domain.query.tree import Compare, Look, leaves
    from poolwatch.words.query import nothing_has_both

    fields = [each.field for each in leaves(query) if isinstance(each, Look | Compare)]
    one = next(each for each in fields if FIELDS[each].of_balances)
    other = next((each for each in fields if each not in OF_BALANCES), "!")
    return nothing_has_both(one, other)
