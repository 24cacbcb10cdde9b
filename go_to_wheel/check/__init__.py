"""The verdict on finished wheels, ours or anybody's.

`check_wheels` opens wheels, never unpacks them, and reports everything that PyPI would
refuse, that an installer would stumble over, or that the program inside contradicts.
"""

from go_to_wheel.check.report import Finding, Report, WheelSummary
from go_to_wheel.check.rules import RULES, Rule
from go_to_wheel.check.run import check_wheels

__all__ = ["RULES", "Finding", "Report", "Rule", "WheelSummary", "check_wheels"]
