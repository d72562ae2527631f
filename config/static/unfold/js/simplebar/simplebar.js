// Nothing: what is wider or longer than its place scrolls as the browser has it.
