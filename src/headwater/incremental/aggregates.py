"""Which functions look at more than one row.

Apart because the parser's own classes do not tell: it knows some aggregates
by class and leaves the others as functions it has never heard of.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

__all__ = ["is_aggregate"]

_names: Final = """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and
    bool_or combine_aggr corr count count_if count_star countif covar_pop covar_samp decimal_average entropy favg first
    fsum geomean geometric_mean group_concat histogram histogram_exact json_group_array json_group_object
    json_group_structure kahan_sum kurtosis kurtosis_pop last list listagg lttb mad max max_by mean median min min_by
    mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum
    sum_no_overflow sumkahan var_pop var_samp variance variant_group_array variant_group_object wavg weighted_avg
"""
_unknown_to_the_parser: Final = frozenset(_names.split())


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node computes one value from the rows of a group.

    >>> import sqlglot
    >>> [is_aggregate(sqlglot.parse_one(text, dialect="duckdb")) for text in ("geomean(x)", "max(x)", "upper(x)")]
    [True, True, False]
    """
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and node.name.lower() in _unknown_to_the_parser
