# A monitoring system sees clients with many errors and blocks their routes. Nothing ever takes a block away.
nft -f - <<'RULES'
table inet guard {
    chain input {
        type filter hook input priority -10; policy accept;
        ip6 saddr { fd73::12, fd73::13 } tcp dport 80 counter drop comment "guard: too many errors"
        ip saddr { 10.73.0.12, 10.73.0.13 } tcp dport 80 counter drop comment "guard: too many errors"
    }
}
RULES
