"""A report as a page that a manager can publish: Persian, with charts; also as PDF."""
