"""Words about filters: what is wrong with one, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from poolwatch.domain.query.fields import FIELDS, Among, FieldKind
from poolwatch.domain.query.language import Fault, FaultKind
from poolwatch.words.catalogue import Text, _, mark

no_field: Final = Text("no field “{field}”; there are: {known}")
no_field_near: Final = Text("no field “{field}”; {near}?")
_FOREIGN: Final[Mapping[Among, str]] = {
    Among.ACCOUNTS: mark("“{field}” is of usage; accounts have none"),
    Among.USE: mark("“{field}” is of accounts as they stand, not of usage"),
    Among.EVENTS: mark("“{field}” is of usage; events have none"),
    Among.BALANCES: mark("balances have no “{field}”"),
}
_OF_BALANCES: Final = mark("“{field}” is of balances, and of nothing else")
#: Of a filter that asks for both.
nothing_has_both: Final = Text("nothing has “{one}” and “{other}”: one is of balances, the other is not")
no_value: Final = Text(
    "no {field} begins with “{value}”; there are: {known}", "no {field} begins with “{value}”"
)
no_value_near: Final = Text("no {field} begins with “{value}”; did you mean “{near}”?")
no_saved: Final = Text(
    "no saved filter “{name}”; there are: {known}", "no saved filter “{name}”; they stand in [filters]"
)
no_saved_near: Final = Text("no saved filter “{name}”; {near}?")

_FAULTS: Final[Mapping[FaultKind, str]] = {
    FaultKind.NOT_A_FIGURE: mark(
        "“{name}” is a text: {name}:… looks for how it begins, {name}=… for all of it"
    ),
    FaultKind.AND: mark("a blank is “and”: leave the word out, or put it in quotes"),
    FaultKind.CLOSES_NOTHING: mark("a parenthesis closes nothing"),
    FaultKind.TOO_DEEP: mark("too many parentheses within each other"),
    FaultKind.OPEN_QUOTE: mark("a quote is not closed"),
    FaultKind.OPEN_GROUP: mark("a parenthesis is not closed"),
    FaultKind.NOTHING_BESIDE: mark("nothing stands beside “{name}”"),
}
#: How a figure of that kind is compared.
_COMPARED: Final[Mapping[FieldKind, str]] = {
    FieldKind.PERCENT: mark("{field} is compared, in percent: {field}>=80, {field}<5"),
    FieldKind.CREDITS: mark("{field} is compared: {field}>=80, {field}<5"),
    FieldKind.DOLLARS: mark("{field} is compared: {field}>=80, {field}<$5"),
    FieldKind.TIME: mark("{field} is compared, with a time: {field}<2h, {field}>1d12h"),
}
_BURN: Final = mark("burn is compared: burn>10, burn<=2; it is what a day used, in percent of a week")

#: What a filter is made of, and what each of these words finds.
_PARTS: Final = (
    (mark("pro east"), mark("every word, anywhere in name, e-mail, id, plan, source or status")),
    (
        "status:exhausted",
        mark("a status (active, needs_login), a section (needs_you) or a trouble (throttled)"),
    ),
    (
        "plan:pro",
        mark(
            "a plan by the beginning of its name, plan=pro by all of it; likewise section, source, group,"
            " label, email, custody, provider, trouble; stale:yes is an old reading, idle:yes who used less"
            " than 1% of a week in a day"
        ),
    ),
    (
        "weekly>=80",
        mark(
            "used at least 80% of its week; likewise >, <, <=, = and 5h, daily, monthly, spend; at_reset is"
            " what it will have used, burn what the last 24 hours used of the week"
        ),
    ),
    (mark("resets<2h"), mark("a limit resets within two hours; credits>100 and usd<$5 are what is left")),
    (
        "model:gpt-6",
        mark(
            "of usage: likewise tier, operation, client, project, user, and what its account is called;"
            " events are found by their words, and by all that their accounts are now"
        ),
    ),
    (
        "balance<10",
        mark(
            "of balances, on their screen and in alerts: likewise unit, level (low, empty), credits, usd,"
            " resets, source, label, trouble and stale"
        ),
    ),
    (mark("-plan:pro -east"), mark("leaves out what the word finds; !word and not word do the same")),
    (mark("east or west"), mark("one of them; a blank binds closer: a or b c is a, or b and c")),
    (mark("(a or b) -(c d)"), mark("groups")),
    (mark('"needs login"'), mark('a text with blanks; of a field, plan:"pro 5x"')),
    ("@name", mark("the saved filter of that name, from [filters]; tab puts it in, and completes all else")),
    ("!", mark("what needs you")),
    (mark("weekly<80"), mark("what is unknown is never found by a comparison; -weekly>=80 finds it, too")),
)


def foreign(field: str, among: Among) -> str:
    """That what is filtered has no such field."""
    # the mark of what needs somebody is no field
    is_of_balances = field in FIELDS and FIELDS[field].of_balances
    is_elsewhere = is_of_balances and among is not Among.BALANCES
    return _(_OF_BALANCES if is_elsewhere else _FOREIGN[among], field=field)


def fault_text(fault: Fault, among: Among = Among.ACCOUNTS) -> str:
    """What is wrong with a filter for these."""
    name = fault.name
    if fault.kind is FaultKind.NO_FIELD:
        near = nearest_text(name, among.fields)
        return no_field_near(name, near) if near else no_field(name, "  ".join(among.fields))
    if name in FIELDS and name not in among.fields:
        return foreign(name, among)
    if fault.kind is FaultKind.NOT_COMPARED:
        return _(_BURN) if name == "burn" else _(_COMPARED[FIELDS[name].kind], field=name)
    return _(_FAULTS[fault.kind], name=name)


def nearest_text(wanted: str, known: Iterable[str]) -> str:
    """The text that was meant, perhaps, whatever its case; "" where none is near. Of settings: config."""
    import difflib  # only where a name is wrong

    by_case = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(wanted, by_case, 1)
    return by_case[near[0]] if near else ""


def about_filters() -> tuple[tuple[str, str], ...]:
    """What a filter is made of, each part with what it finds."""
    return tuple((_(part), _(finds)) for part, finds in _PARTS)
