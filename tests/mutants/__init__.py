"""Are the tests any good? Code is broken, and a test must notice."""
