"""Spends one refresh token: under a lock, after everything that can fail was tried, and exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody import login_lock, outcomes
from poolwatch.custody.attempt import RefreshAttempt, RefreshJournal, read_settled, settled_login
from poolwatch.custody.exchange import REPLY_CAP_BYTES, Granted, Refused, Unclear, Unspent, Verdict
from poolwatch.custody.login_file import Document, Fingerprint, Login, login_in
from poolwatch.custody.login_lock import PATIENCE_SECONDS, Sent
from poolwatch.custody.login_writer import LoginWriter, clear_space, replace_problem
from poolwatch.custody.outcomes import clause, shown
from poolwatch.custody.spent_tokens import doubt, refusal, remember_dead
from poolwatch.custody.state_dir import StateDir
from poolwatch.custody.waiting import replies_for
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem, failure
from poolwatch.domain.message import message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, Reservation
from poolwatch.once.journal import Stage
from poolwatch.once.process import reach
from poolwatch.once.replies import ReplySpace

_SPACE_BYTES: Final = 64 * 1024
_NOTE_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """The fingerprints of the tokens that a caller wants replaced; others in the file are adopted instead."""

    access: str | None
    refresh: str | None

    def __str__(self) -> str:
        return f"{self.access or '-'}:{self.refresh or '-'}"

    @classmethod
    def parse(cls, text: str) -> Seen:
        """The inverse of str()."""
        access, _, refresh = text.partition(":")
        return cls(None if access in ("", "-") else access, None if refresh in ("", "-") else refresh)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the protocol takes from its process: fingerprints, the clock, and the one request."""

    fingerprint: Fingerprint
    now: Callable[[], datetime]
    send: Callable[[Secret], Verdict]
    patience_seconds: float = PATIENCE_SECONDS
    #: called before a sending is noted, so that nothing but the request lies behind the note
    prepare: Callable[[], None] = lambda: None


def spend_login(
    state: StateDir, attempt: RefreshAttempt, seen: Seen, tools: Tools, *, try_once: bool = False
) -> TokenStep:
    """Exchange the refresh token of a file that poolwatch keeps; every outcome stands in the journal.

    Raises:
        OSError: the outcome could not be noted; then nothing was sent.
    """
    spending = _Spending(state, attempt, seen, tools, try_once)
    with ExitStack() as locks:
        step = spending.lock(locks)
        if step is None:
            reach("locked")
            found = spending.ready()
            if not isinstance(found, TokenStep):
                return found.exchange()
            step = found
        spending.journal.append(attempt.entry(Stage.ENDED, tools.now(), step))
        return step


@dataclass(frozen=True, slots=True)
class _Spending:
    """Everything before the token is sent. Each method returns how the step ends, if it ends there."""

    state: StateDir
    attempt: RefreshAttempt
    seen: Seen
    tools: Tools
    try_once: bool

    @property
    def journal(self) -> RefreshJournal:
        return RefreshJournal(self.state.journal(self.attempt.account))

    @property
    def key_mark(self) -> str:
        """Tells which key makes the fingerprints of this state directory."""
        return self.tools.fingerprint(Secret("poolwatch"))

    def lock(self, locks: ExitStack) -> TokenStep | None:
        file, ids = self.attempt.file, self.attempt.ids
        try:
            mine = locks.enter_context(
                login_lock.login_held(self.state, file, ids, self.tools.patience_seconds)
            )
        except OSError as error:
            place = Path(error.filename) if isinstance(error.filename, str) else file
            return outcomes.disk_blocked(error, place)
        return None if mine else TokenStep(TokenOutcome.BLOCKED, block=BlockReason.OWNER_SILENT)

    def ready(self) -> _Ready | TokenStep:
        """What waits is brought home, the file is read again, and space is taken."""
        file, path = self.attempt.file, shown(self.attempt.file)
        try:
            waiting = self._bring_waiting_home()
        except OSError as error:
            return outcomes.disk_blocked(error, self.state.folder)
        if self.state.pending(self.attempt.account).exists():
            why = message("custody.reply_waits", path=path)
            if waiting is not None and waiting.failure is not None:
                why = waiting.failure.as_message
            return outcomes.path_blocked(file, message("custody.nothing_sent", what=why))
        document = read_settled(file)
        if isinstance(document, FileProblem):
            return outcomes.path_blocked(
                file, message("custody.unusable_login", path=path, why=clause(document))
            )
        login = login_in(document.root, self.tools.fingerprint) if document is not None else None
        if document is None or login is None:
            return outcomes.path_blocked(file, message("custody.no_login", path=path))
        reach("read")
        mark = login.refresh_fingerprint
        if (login.user_id, login.account_id) != self.attempt.ids:
            return outcomes.failed(FailureKind.OTHER_ACCOUNT, "custody.another_account", path=path)
        if self.seen != Seen(login.fingerprint, mark):
            return TokenStep(TokenOutcome.ADOPTED, refresh_fingerprint=mark)
        if login.refresh is None or mark is None:
            return outcomes.dead(LoginProblem.UNUSABLE_FILE, None)
        refused = self._refused(login.refresh, mark)
        if refused is not None:
            return refused
        self.tools.prepare()
        begun = replace(self.attempt, at=self.tools.now(), refresh_fingerprint=mark)
        return replace(self, attempt=begun)._reserve_space(document, login.refresh)

    def _bring_waiting_home(self) -> TokenStep | None:
        """Finish what earlier refreshes of this login left, wherever its file lay; how the last one ended.

        Raises OSError.
        """
        step = None
        writer = LoginWriter(self.state, self.tools.fingerprint, self.tools.now())
        for reply in replies_for(self.state, self.attempt.account, self.seen.refresh):
            _, step = writer.finish_reply(reply, (self.attempt.file, reply.attempt.file))
        writer.adopt_kept(self.attempt.file)
        return step

    def _refused(self, token: Secret, mark: str) -> TokenStep | None:
        account = self.attempt.account
        try:
            refused = refusal(self.state, account, mark, try_once=self.try_once)
            if refused is not None or self.try_once:
                return refused
            note = login_lock.read_note(self.attempt.file, self.attempt.ids)
            return doubt(self.state, account, mark, note, token, self.key_mark)
        except OSError as error:
            return outcomes.disk_blocked(error, self.state.folder)

    def _reserve_space(self, document: Document, token: Secret) -> _Ready | TokenStep:
        """Find a full disk or a wrong file now, not after the server gave out the new login."""
        state, attempt = self.state, self.attempt
        for path in (attempt.file, state.lock(attempt.account)):
            problem = replace_problem(path)
            if problem is not None:
                return outcomes.not_spent(problem, path)
        place = state.folder
        with ExitStack() as space:
            try:
                clear_space(self.journal.entries())
                # by this line the space is found again, should this process end
                self.journal.append(attempt.entry(Stage.BEGUN, attempt.at))
                place = attempt.file.parent
                reach("preflight")
                home = Reservation(attempt.space, document.stamp.size + REPLY_CAP_BYTES + _SPACE_BYTES)
                space.callback(home.discard)
                place = state.folder
                pending = ReplySpace(state, attempt.account, REPLY_CAP_BYTES + _NOTE_BYTES)
                space.callback(pending.close, holds_reply=False)
                reach("journal")
                self.journal.append(attempt.entry(Stage.SENDING, attempt.at))
                place = attempt.file.parent
                sent = login_lock.note_sending(attempt, token, self.key_mark)
            except OSError as error:
                return outcomes.disk_blocked(error, place)
            space.pop_all()
        return _Ready(self, token, sent, home, pending)


@dataclass(frozen=True, slots=True)
class _Ready:
    spending: _Spending
    token: Secret
    sent: Sent
    home: Reservation
    pending: ReplySpace

    def exchange(self) -> TokenStep:
        """Send the token, keep the reply, and bring it home."""
        spending, attempt, tools = self.spending, self.spending.attempt, self.spending.tools
        granted = False
        try:
            reach("sending")
            verdict = self._send()
            reach("replied")
            if isinstance(verdict, Granted):
                granted = True
                with suppress(OSError):
                    # without its pending copy the reply is still here, and goes home at once
                    self.pending.keep(attempt.sealed(verdict.body))
                reach("stored")
                writer = LoginWriter(spending.state, tools.fingerprint, tools.now())
                step = writer.bring_home(attempt, verdict.body, self.home, verdict.took_seconds)
            else:
                step = self._without_grant(verdict)
                with suppress(OSError):
                    # unsaid, the sending stands in the journal as unresolved: that is safe, only less kind
                    spending.journal.append(attempt.entry(Stage.ENDED, tools.now(), step))
            login_lock.note_outcome(attempt, self.sent, step.outcome)
            return step
        finally:
            self.home.discard()
            self.pending.close(holds_reply=granted)

    def _send(self) -> Verdict:
        try:
            return self.spending.tools.send(self.token)
        except Exception:  # noqa: BLE001 - whatever went wrong, the token may have left: that must be noted
            return Unclear(failure(FailureKind.AMBIGUOUS, "custody.broke_off"))

    def _without_grant(self, verdict: Refused | Unspent | Unclear) -> TokenStep:
        attempt, tools = self.spending.attempt, self.spending.tools
        mark = attempt.refresh_fingerprint
        match verdict:
            case Unclear(lost):
                return outcomes.ambiguous(attempt.at, mark, lost.as_message)
            case Unspent(unsent):
                return TokenStep(
                    TokenOutcome.FAILED,
                    failure=unsent,
                    retry_at=unsent.retry_at,
                    refresh_fingerprint=mark,
                )
            case Refused(problem, took):
                now_in_file = settled_login(attempt.file, tools.fingerprint)
                if isinstance(now_in_file, Login) and now_in_file.refresh_fingerprint != mark:
                    return TokenStep(TokenOutcome.ADOPTED, took_seconds=took, refresh_fingerprint=mark)
                if mark is not None:
                    remember_dead(self.spending.state, mark, problem, tools.now())
                return replace(outcomes.dead(problem, mark), took_seconds=took)
