"""Which functions a query may call, and what to use instead of the others.

Data, apart from the guard that applies it: the allow-list is read and extended
here. A function is on it when its result depends on its arguments alone: no
clock, no randomness, no session, no file, no network, no catalog of the engine.
Functions of DuckDB that are on neither list are refused without an alternative.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "aggregates",
    "clock_functions",
    "order_dependent",
    "permitted",
    "refused",
    "refused_prefixes",
    "scalars",
    "table_functions",
    "understood",
    "verbatim",
    "window_only",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_numbers: Final = _words("""
    abs acos acosh add asin asinh atan atan2 atanh binom bit_count cbrt ceil ceiling cos cosh cot degrees divide
    even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm
    least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power radians round
    round_even roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor
""")

_text: Final = _words("""
    array_extract ascii bar base64 bin bit_length char_length character_length chr concat concat_ws contains
    damerau_levenshtein decode editdist3 encode ends_with format format_bytes formatreadabledecimalsize
    formatreadablesize from_base64 from_binary from_hex hamming hash hex ilike_escape instr jaccard
    jaro_similarity jaro_winkler_similarity lcase left left_grapheme len length length_grapheme levenshtein
    like_escape lower lpad ltrim md5 md5_number md5_number_lower md5_number_upper mismatches nfc_normalize
    not_ilike_escape not_like_escape octet_length ord overlay parse_dirname parse_dirpath parse_filename
    parse_formatted_bytes parse_path position prefix printf regexp_escape regexp_extract regexp_extract_all
    regexp_full_match regexp_matches regexp_replace regexp_split_to_array repeat replace reverse
    right right_grapheme rpad rtrim sha1 sha256 split split_part starts_with str_position str_split
    str_split_regex string_split string_split_regex string_to_array strip_accents strlen strpos substr
    substring substring_grapheme suffix to_base to_base64 to_binary to_hex translate trim ucase unbin unhex
    unicode upper url_decode url_encode
""")

_time: Final = _words("""
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
    dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era extract hour isodow
    isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns
    make_timestamptz microsecond millennium millisecond minute month monthname nanosecond normalized_interval
    quarter second strftime strptime time_bucket timezone timezone_hour timezone_minute to_centuries to_days
    to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds
    to_timestamp to_weeks to_years try_strptime week weekday weekofyear year yearweek
""")

_nested: Final = _words("""
    aggregate array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains
    array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct
    array_dot_product array_filter array_grade_up array_has array_has_all array_has_any array_indexof
    array_inner_product array_intersect array_length array_negative_dot_product array_negative_inner_product
    array_pop_back array_pop_front array_position array_prepend array_push_back array_push_front array_reduce
    array_resize array_reverse array_reverse_sort array_select array_slice array_sort array_to_string
    array_transform array_unique array_value array_where array_zip cardinality element_at filter flatten
    generate_series generate_subscripts grade_up list_aggr list_aggregate list_any_value list_append list_apply
    list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_cat
    list_concat list_contains list_cosine_distance list_cosine_similarity list_count list_distance list_distinct
    list_dot_product list_element list_entropy list_extract list_filter list_first list_grade_up list_has
    list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect list_kurtosis
    list_kurtosis_pop list_last list_mad list_max list_median list_min list_mode list_negative_dot_product
    list_negative_inner_product list_pack list_position list_prepend list_product list_reduce list_resize
    list_reverse list_reverse_sort list_select list_sem list_skewness list_slice list_sort list_stddev_pop
    list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp
    list_where list_zip map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract
    map_extract_value map_from_entries map_keys map_values range reduce row struct_concat struct_contains
    struct_extract struct_extract_at struct_has struct_indexof struct_insert struct_keys struct_pack
    struct_position struct_update struct_values union_extract union_tag union_value unnest unpivot_list
    variant_extract variant_typeof
""")

_json: Final = _words("""
    array_to_json from_json from_json_strict json json_array json_array_length json_contains json_deep_merge
    json_exists json_extract json_extract_path json_extract_path_text json_extract_string json_keys
    json_merge_patch json_object json_pretty json_quote json_structure json_transform json_transform_strict
    json_type json_valid json_value row_to_json to_json
""")

_general: Final = _words("""
    alias bit_position bitstring can_cast_implicitly cast_to_type coalesce constant_or_null enum_code enum_first
    enum_last enum_range enum_range_boundary equi_width_bins error get_bit if ifnull nullif set_bit typeof
    uuid_extract_timestamp uuid_extract_version try case cast try_cast is_histogram_other_bin columns
    grouping grouping_id
""")

scalars: Final = _numbers | _text | _time | _nested | _json | _general

aggregates: Final = _words("""
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg
    bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean
    geometric_mean group_concat histogram histogram_exact json_group_array json_group_object
    json_group_structure kahan_sum kurtosis kurtosis_pop last list listagg lttb mad max
    max_by mean median min min_by mode percentile_cont percentile_disc product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance
    wavg weighted_avg
""")

window_only: Final = _words("""
    cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense
    row_number
""")

table_functions: Final = _words("generate_series range unnest json_each json_tree repeat_row")

understood: Final = _words("""
    case cast coalesce columns extract generate_series if ifnull list_value lower map nullif
    range row struct_pack try try_cast unnest upper
""")
"""Scalar functions whose meaning the parser may know. All others pass through it as written:
what it makes of some is another function (``log10(x)`` would become ``log(10, x)``, which rounds differently)."""


verbatim: Final = (scalars - understood) | {"approx_top_k"}

permitted: Final = scalars | aggregates | window_only | table_functions

order_dependent: Final = _words("""
    any_value arbitrary array_agg first group_concat json_group_array json_group_object last list listagg
    string_agg
""")
"""Aggregates whose result depends on the order of rows unless they have an ORDER BY of their own."""

clock_functions: Final = _words("""
    current_date current_localtime current_localtimestamp current_time current_timestamp get_current_time
    get_current_timestamp localtime localtimestamp now today transaction_timestamp ago
""")

_clock_hint: Final = "use the event time column of the data, or a column the source writes"
_random_hint: Final = "derive the value from columns, for example md5(concat_ws('|', key1, key2)) or hash(key)"
_file_hint: Final = "declare the file as a source in headwater.yaml and read that relation"
_outside_hint: Final = "declare the system as a source in headwater.yaml and read that relation"
_session_hint: Final = "write the value into the query: settings of the session do not reach a model"
_catalog_hint: Final = "`headwater status` and `headwater lineage` show what a workspace holds"
_dynamic_hint: Final = "name the relation in FROM, so that its dependency is known"

refused: Final[dict[str, str]] = {
    **dict.fromkeys(clock_functions, _clock_hint),
    **dict.fromkeys(
        _words("""
            random rand uuid gen_random_uuid uuidv4 uuidv7 setseed reservoir_quantile nextval currval setval
            txid_current current_transaction_id current_query_id current_connection_id sleep_ms pg_sleep
            generate_uuid
        """),
        _random_hint,
    ),
    **dict.fromkeys(
        _words("""
            read_csv read_csv_auto read_parquet parquet_scan read_json read_json_auto read_json_objects
            read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_text read_blob
            read_duckdb read_xlsx read_avro read_single_csv_file read_single_json_file read_single_parquet_file
            glob sniff_csv parquet_metadata parquet_schema parquet_file_metadata parquet_kv_metadata
            parquet_full_metadata parquet_bloom_probe iceberg_scan iceberg_metadata iceberg_snapshots delta_scan
            st_read seq_scan arrow_scan pandas_scan python_arrow_scan python_map_function
        """),
        _file_hint,
    ),
    **dict.fromkeys(
        _words("""
            sqlite_scan sqlite_attach sqlite_query postgres_scan postgres_scan_pushdown postgres_attach
            postgres_query postgres_execute mysql_scan mysql_query mysql_execute http_get http_post
        """),
        _outside_hint,
    ),
    **dict.fromkeys(
        _words("""
            getenv getvariable current_setting current_user session_user user current_role current_query
            current_catalog current_database current_schema current_schemas version in_search_path
            inet_client_addr inet_client_port inet_server_addr inet_server_port
        """),
        _session_hint,
    ),
    **dict.fromkeys(_words("query query_table json_execute_serialized_sql"), _dynamic_hint),
}
"""Functions people reach for, with what to do instead."""

refused_prefixes: Final[dict[str, str]] = {
    "duckdb_": _catalog_hint,
    "pragma_": _catalog_hint,
    "pg_": _catalog_hint,
    "read_": _file_hint,
}
