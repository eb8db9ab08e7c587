"""`ovi variants`: what can be rendered."""

from ovi_studio.cli.options import Json


def variants(json: Json = False) -> int:
    """List the variants: what each makes, and how it wants its audio caption."""
    from ovi.spec.variants import VARIANTS
    from ovi_studio.cli.following import write_result
    from ovi_studio.report.json import json_text
    from ovi_studio.report.table import variant_data, variants_table

    known = list(VARIANTS.values())
    if json:
        write_result(json_text({"variants": [variant_data(variant) for variant in known]}))
    else:
        write_result(variants_table(known))
    return 0
