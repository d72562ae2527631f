"""Is anything missing? Everything is asked again, compared, and said in a statement."""
