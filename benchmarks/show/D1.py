"""D1: golden facts of every format and Tonic's hashes; the semantics of frames, filters and augmentations as properties."""

import figures as show


def measure(figures, data):
    if data is None or not (data / "golden").is_dir():
        raise show.NotMeasured(f"golden facts are missing: there is no {data}/golden")
    show.tests(figures, "golden_facts_and_properties", "-R", "^test_(events|decoders|event_stream|layouts|data|mpi_data.*)$")


show.main("D1", measure)
