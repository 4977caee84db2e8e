# The load balancer, two web servers, and the firewall of the second.
for address in 10.20.0.10 10.20.0.11 10.20.0.12; do
    ip address add "$address/32" dev lo
done
nft -f - <<'RULES'
table inet standby {
    chain input {
        type filter hook input priority filter; policy accept;
        ip daddr 10.20.0.12 tcp dport 80 counter drop
    }
}
RULES
