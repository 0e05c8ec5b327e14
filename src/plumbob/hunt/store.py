"""The store of findings: SQLAlchemy on a SQLite file in the campaign's folder, or any URL.

A finding is written in one transaction when it is made, and known by its campaign, its
place in the campaign's sequence of programs and its engine: found again, after an interrupt
and `--resume`, it is the same row. How far each job has come is written beside it.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # SQLAlchemy reads the annotation
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, ForeignKey, LargeBinary, UniqueConstraint, create_engine, event, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from plumbob.errors import InputError
from plumbob.runtime.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE: Final = "findings.sqlite"
"""The store's file in a campaign's folder."""


class _Base(DeclarativeBase):
    pass


class Campaign(_Base):
    """A campaign: what was asked for, and how far it came."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(primary_key=True)
    seed: Mapped[int]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Engines, jobs, size, strategies, Plumbob's version, the processor."""
    seconds: Mapped[float] = mapped_column(default=0.0)
    started: Mapped[datetime]


class Progress(_Base):
    """How far a job of a campaign has come: the number of programs that it is done with."""

    __tablename__ = "progress"
    __table_args__ = (UniqueConstraint("campaign_id", "job"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    job: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    invalid: Mapped[int] = mapped_column(default=0)


class Finding(_Base):
    """A program on which an engine disagrees with the reference."""

    __tablename__ = "finding"
    __table_args__ = (UniqueConstraint("campaign_id", "number", "engine"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    number: Mapped[int]
    """The program's place in the campaign's sequence."""
    engine: Mapped[str]
    kind: Mapped[str]
    """What differs: values, trap, exception, fault, …"""
    expected: Mapped[str]
    found: Mapped[str]
    seconds: Mapped[float]
    """When it was found, from the start of the campaign."""
    module: Mapped[bytes] = mapped_column(LargeBinary)
    choices: Mapped[bytes] = mapped_column(LargeBinary)
    """The choices that make the program, as unsigned integers of eight bytes."""
    calls: Mapped[list[Any]] = mapped_column(JSON)
    versions: Mapped[dict[str, Any]] = mapped_column(JSON)
    reduced: Mapped[bytes | None] = mapped_column(LargeBinary)
    reduced_calls: Mapped[list[Any] | None] = mapped_column(JSON)
    text: Mapped[str | None]
    """The reduced program in the text format, with what is expected and what was found."""
    instructions: Mapped[int | None]
    shape: Mapped[str] = mapped_column(default="")
    """What the reduced program is made of: a digest of its operators."""
    cause: Mapped[str] = mapped_column(default="")
    """What findings of one cause share: the shape, the first bad release, the guilty pass."""
    ranges: Mapped[list[Any] | None] = mapped_column(JSON)
    """Runs of bad releases, from `bisect`; None where it was not asked."""
    guilty: Mapped[str | None]
    """The pass of an optimiser that is wrong."""


class Store(Closing):
    """Opens a store, made where it is missing; a context manager that closes it.

    Raises `InputError` for one that cannot be opened or is no store.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._engine = create_engine(url)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _safely)
            self._make_tables()
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise InputError(
                f"the store {url} cannot be opened: {_reason(error)}",
                expected="sqlite:///FILE, postgresql+psycopg://…",
            ) from None
        self.session = Session(self._engine, expire_on_commit=False)

    def _make_tables(self) -> None:
        try:
            _Base.metadata.create_all(self._engine)
        except OperationalError:  # somebody else made them meanwhile, else it fails again
            _Base.metadata.create_all(self._engine)

    @staticmethod
    def in_folder(folder: Path) -> Store:
        """Return the store of a campaign's folder."""
        return Store(f"sqlite:///{folder / FILE}")

    def close(self) -> None:
        """Close it; what was committed stays."""
        self.session.close()
        self._engine.dispose()

    # Campaigns.

    def begin(self, seed: int, settings: dict[str, Any], started: datetime) -> Campaign:
        """Return a new campaign."""
        campaign = Campaign(seed=seed, settings=settings, started=started)
        self.session.add(campaign)
        self.session.commit()
        return campaign

    def last(self) -> Campaign | None:
        """Return the campaign that began last."""
        return self.session.scalars(select(Campaign).order_by(Campaign.id.desc())).first()

    def progress(self, campaign: Campaign, job: int) -> Progress:
        """Return how far a job has come."""
        found = self.session.scalars(
            select(Progress).where(Progress.campaign_id == campaign.id, Progress.job == job)
        ).first()
        if found is None:
            found = Progress(campaign_id=campaign.id, job=job, done=0, invalid=0)
            self.session.add(found)
            self.session.commit()
        return found

    def all_progress(self, campaign: Campaign) -> Sequence[Progress]:
        """Return how far all jobs have come."""
        return self.session.scalars(
            select(Progress).where(Progress.campaign_id == campaign.id).order_by(Progress.job)
        ).all()

    # Findings.

    def add(self, finding: Finding) -> bool:
        """Keep a finding; False where it is there already."""
        same = select(Finding).where(
            Finding.campaign_id == finding.campaign_id,
            Finding.number == finding.number,
            Finding.engine == finding.engine,
        )
        if self.session.scalars(same).first() is not None:
            return False
        self.session.add(finding)
        self.session.commit()
        return True

    def findings(self, campaign: Campaign | None = None) -> Sequence[Finding]:
        """Return the findings, of one campaign or of all, in the order of programs."""
        query = select(Finding).order_by(Finding.campaign_id, Finding.number, Finding.engine)
        if campaign is not None:
            query = query.where(Finding.campaign_id == campaign.id)
        return self.session.scalars(query).all()

    def save(self) -> None:
        """Write what was changed."""
        self.session.commit()


def _safely(connection: Any, _record: Any) -> None:
    """Make a SQLite file that survives a kill: a journal, and what is written is on disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.splitlines()[0] if text else type(error).__name__
