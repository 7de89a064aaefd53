"""A simulated Asterisk, and callers and counsellors for it and for the real one."""
