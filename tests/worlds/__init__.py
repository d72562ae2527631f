"""Invented accounts, a source that may lie about them, and a judge that shares no code with the importer."""
