# nginx, the old machine, and the new one with its firewall.
for address in 10.20.0.10 10.20.0.11 10.20.0.13; do
    ip address add "$address/32" dev lo
done
nft -f - <<'RULES'
table inet new {
    chain input {
        type filter hook input priority filter; policy accept;
        ip daddr 10.20.0.13 tcp dport 80 counter reject with tcp reset
    }
}
RULES
