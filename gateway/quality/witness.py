"""When a measure is believed: not at the first look, and not forever. Pure: time comes in as `now`."""

from __future__ import annotations

from gateway.quality.component_codes import ComponentCode, Kind
from gateway.quality.measures import AT_ONCE, CODE, MEASURES, TWICE, Limits, Measure, Proof
from gateway.quality.verdict import Evidence, Level, Verdict

TOGETHER = 0.5
"""Seconds; looks that are closer to each other are one look, and count as the graver of them."""
REFRESHED = 1.25
"""A value is told anew once it is that many times the one told, or that many times less."""
_STEPS = (Level.FAIR, Level.BAD)
_ORDER = {name: place for place, name in enumerate(MEASURES)}


class _Standing:
    """Whether one level of one measure is believed."""

    __slots__ = ("held", "limit", "looks", "seen_at", "worst", "worst_at")

    def __init__(self) -> None:
        self.looks = 0
        """One bit per look, the newest lowest: it was seen."""
        self.seen_at = 0.0
        self.held = False
        self.worst = 0.0
        self.worst_at = 0.0
        self.limit = 0.0

    def see(self, value: float, limit: float, proof: Proof, now: float) -> None:
        if not self.looks or value >= self.worst or now - self.worst_at >= proof.hold:
            self.worst, self.worst_at = value, now
        self.looks |= 1
        self.seen_at, self.limit = max(self.seen_at, now), limit
        self.held = self.held or any((self.looks & (1 << of) - 1).bit_count() >= count for count, of in proof.looks)

    def settle(self, proof: Proof, now: float) -> None:
        unseen, contradicted = now - self.seen_at, not self.looks & 1
        if unseen >= max(proof.hold, proof.silence):
            self.held, self.looks = False, 0
        elif unseen >= proof.hold and contradicted:
            self.held = False


class Witness:
    """What one measure has to say of a leg: how often it was beyond its limits lately, and by how much."""

    __slots__ = ("_depth", "_looked_at", "_standings", "measure", "proof")

    def __init__(self, measure: Measure, proof: Proof) -> None:
        self.measure = measure
        self.proof = proof
        self._depth = (1 << max(of for _, of in proof.looks)) - 1
        self._looked_at = float("-inf")
        self._standings = (_Standing(), _Standing())

    def look(self, level: Level, value: float, limits: Limits, now: float) -> None:
        """The measure was looked at; `value` counts if `level` is not good."""
        if now - self._looked_at >= TOGETHER:
            self._looked_at = now
            for standing in self._standings:
                standing.looks = standing.looks << 1 & self._depth
        for step, standing in zip(_STEPS, self._standings, strict=True):
            if level >= step:
                standing.see(value, limits.of(step), self.proof, now)

    def settle(self, now: float) -> Level:
        """The level that is believed now."""
        believed = Level.GOOD
        for step, standing in zip(_STEPS, self._standings, strict=True):
            standing.settle(self.proof, now)
            if standing.held:
                believed = step
        return believed

    @property
    def idle(self) -> bool:
        """There is nothing left to remember."""
        return not any(standing.looks or standing.held for standing in self._standings)

    def evidence(self, level: Level) -> Evidence:
        standing = self._standings[level - 1]
        return Evidence(self.measure.name, standing.worst, standing.limit, level, self.measure.source)


class Bench:
    """All witnesses against one leg, and the verdict that follows."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        """The same object until there is something new to tell: a level, a measure, or a value far from the one told.
        `since` changes with the level alone."""
        self._began = False
        self._witnesses: dict[str, Witness] = {}
        """Of healthy legs none."""

    @property
    def at_ease(self) -> bool:
        """Nothing is remembered against the leg, and its verdict says so."""
        return self._began and not self._witnesses

    def look(self, measure: Measure, value: float | None, now: float, limits: Limits | None = None) -> bool:
        """Hears what a measure says; `None`: nothing. Whether that is beyond its limits (`limits`: others than its own)."""
        limits = limits or measure.limits
        level = Level.GOOD if value is None else limits.level(value)
        witness = self._witnesses.get(measure.name)
        if witness is None:
            if level is Level.GOOD:
                return False
            witness = self._witnesses[measure.name] = Witness(measure, measure.proof)
        witness.look(level, value or 0.0, limits, now)
        return level is not Level.GOOD

    def hear(self, code: ComponentCode, now: float) -> None:
        """Hears a component's code: a fault is believed at once, a warning when it comes again."""
        name = f"{CODE.name} {code.number}"
        witness = self._witnesses.get(name)
        if witness is None:
            witness = self._witnesses[name] = Witness(CODE, AT_ONCE if code.kind is Kind.FAULT else TWICE)
        witness.look(code.level, code.number, CODE.limits, now)

    def judge(self, now: float) -> Verdict:
        """The verdict, after all were heard."""
        if not self._began:
            self._began, self.verdict = True, Verdict(since=now)
        if self._witnesses:
            self._weigh(now)
        return self.verdict

    def _weigh(self, now: float) -> None:
        evidence = []
        for name, witness in list(self._witnesses.items()):
            level = witness.settle(now)
            if level > Level.GOOD:
                evidence.append(witness.evidence(level))
            elif witness.idle:
                del self._witnesses[name]
        evidence.sort(key=lambda one: (-one.level, _ORDER[one.measure], one.value))
        before = self.verdict
        if not _alike(before.evidence, evidence):
            level = evidence[0].level if evidence else Level.GOOD
            since = before.since if level is before.level else now
            self.verdict = Verdict(level, tuple(evidence), since)


def _alike(told: tuple[Evidence, ...], found: list[Evidence]) -> bool:
    """Whether there is nothing new to tell."""
    return len(told) == len(found) and all(
        old.measure == new.measure
        and old.level is new.level
        and (old.value == new.value or old.value / REFRESHED < new.value < old.value * REFRESHED)
        for old, new in zip(told, found, strict=True)
    )
