// Nothing: no field of the admin is filled from another one.
