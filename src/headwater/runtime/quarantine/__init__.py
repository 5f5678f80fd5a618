"""Judging refused rows again: those that today's contract admits are published, exactly once."""

from headwater.runtime.quarantine.replay import replay_quarantine
from headwater.runtime.quarantine.target import ReplayTarget, find_target

__all__ = ["ReplayTarget", "find_target", "replay_quarantine"]
