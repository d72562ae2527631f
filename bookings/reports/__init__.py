"""What did the business take, and what does it owe?"""

from bookings.reports.obligations import obligations
from bookings.reports.revenue import revenue, years

__all__ = ["obligations", "revenue", "years"]
