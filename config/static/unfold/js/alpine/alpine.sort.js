// Nothing: no list is put in order by hand.
