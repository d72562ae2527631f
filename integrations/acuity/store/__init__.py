"""Where is it written? Upserts, bulk inserts, and what could not be stored."""
