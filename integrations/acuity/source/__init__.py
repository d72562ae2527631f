"""How is the source asked? Budget, HTTP, paging."""
