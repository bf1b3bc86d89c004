"""The referee: judges any crawler by its wire log, against the guarantees G2 to G5, G7 and G8."""

from mocks.referee.expect import Death, Expectations, ProxyRule, Verdict, Violation
from mocks.referee.judge import judge

__all__ = ["Death", "Expectations", "ProxyRule", "Verdict", "Violation", "judge"]
