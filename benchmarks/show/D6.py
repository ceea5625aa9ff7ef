"""D6: the page of statistics in headless Chromium: every plot drawn, no error on the console."""

import figures as show


def measure(figures, _data):
    show.tests(figures, "page_in_a_browser", "-R", "^e2e_stats_page_in_a_browser$")


show.main("D6", measure)
