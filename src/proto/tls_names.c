// SPDX-License-Identifier: Apache-2.0
/*
 * Names of alerts, cipher suites and groups (IANA's registry of TLS parameters), and of what libraries say of handshakes that
 * failed. Suites: those that stacks of today still offer; reasons: those a handshake ends by.
 */
#include "base/own.h"
#include "proto/tls.h"

struct row {
	uint16_t number;
	const char *name;
};

static const struct row alerts[] = {
	{0, "close_notify"},
	{10, "unexpected_message"},
	{20, "bad_record_mac"},
	{21, "decryption_failed"},
	{22, "record_overflow"},
	{30, "decompression_failure"},
	{40, "handshake_failure"},
	{41, "no_certificate"},
	{42, "bad_certificate"},
	{43, "unsupported_certificate"},
	{44, "certificate_revoked"},
	{45, "certificate_expired"},
	{46, "certificate_unknown"},
	{47, "illegal_parameter"},
	{48, "unknown_ca"},
	{49, "access_denied"},
	{50, "decode_error"},
	{51, "decrypt_error"},
	{60, "export_restriction"},
	{70, "protocol_version"},
	{71, "insufficient_security"},
	{80, "internal_error"},
	{86, "inappropriate_fallback"},
	{90, "user_canceled"},
	{100, "no_renegotiation"},
	{109, "missing_extension"},
	{110, "unsupported_extension"},
	{111, "certificate_unobtainable"},
	{112, "unrecognized_name"},
	{113, "bad_certificate_status_response"},
	{114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"},
	{116, "certificate_required"},
	{120, "no_application_protocol"},
	{121, "ech_required"},
};

static const struct row ciphers[] = {
	{0x0004, "TLS_RSA_WITH_RC4_128_MD5"},
	{0x0005, "TLS_RSA_WITH_RC4_128_SHA"},
	{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
	{0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
	{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
	{0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
	{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
	{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
	{0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
	{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
	{0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
	{0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
	{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
	{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
	{0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
	{0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
	{0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256"},
	{0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384"},
	{0x1301, "TLS_AES_128_GCM_SHA256"},
	{0x1302, "TLS_AES_256_GCM_SHA384"},
	{0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
	{0x1304, "TLS_AES_128_CCM_SHA256"},
	{0x1305, "TLS_AES_128_CCM_8_SHA256"},
	{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
	{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
	{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
	{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
	{0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
	{0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
	{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
	{0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
	{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
	{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
	{0xc09c, "TLS_RSA_WITH_AES_128_CCM"},
	{0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
	{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
	{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
	{0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
};

static const struct row groups[] = {
	{23, "secp256r1"},
	{24, "secp384r1"},
	{25, "secp521r1"},
	{29, "x25519"},
	{30, "x448"},
	{256, "ffdhe2048"},
	{257, "ffdhe3072"},
	{258, "ffdhe4096"},
	{0x11eb, "SecP256r1MLKEM768"},
	{0x11ec, "X25519MLKEM768"},
};

/* SSL_R_ of openssl/sslerr.h, which are the same from 1.1.1 on. */
static const struct row openssl[] = {
	{101, "no_suitable_key_share"},
	{108, "bad_key_share"},
	{110, "bad_extension"},
	{112, "missing_sigalgs_extension"},
	{118, "no_suitable_signature_algorithm"},
	{123, "bad_signature"},
	{134, "certificate_verify_failed"},
	{146, "data_length_too_long"},
	{149, "digest_check_failed"},
	{155, "https_proxy_request"},
	{156, "http_request"},
	{159, "length_mismatch"},
	{177, "no_certificate_assigned"},
	{179, "no_certificate_set"},
	{181, "no_ciphers_available"},
	{185, "no_cipher_match"},
	{191, "no_protocols_available"},
	{193, "no_shared_cipher"},
	{198, "packet_length_too_long"},
	{199, "peer_did_not_return_a_certificate"},
	{213, "record_length_mismatch"},
	{217, "unsolicited_extension"},
	{226, "clienthello_tlsext"},
	{229, "ssl_handshake_failure"},
	{234, "callback_failed"},
	{235, "no_application_protocol"},
	{244, "unexpected_message"},
	{245, "unexpected_record"},
	{252, "unknown_protocol"},
	{253, "binder_does_not_verify"},
	{258, "unsupported_protocol"},
	{261, "wrong_cipher_returned"},
	{266, "wrong_ssl_version"},
	{267, "wrong_version_number"},
	{271, "bad_length"},
	{281, "decryption_failed_or_bad_record_mac"},
	{294, "unexpected_eof_while_reading"},
	{295, "no_suitable_groups"},
	{333, "legacy_sigalg_disallowed_or_unsupported"},
	{338, "unsafe_legacy_renegotiation_disabled"},
	{370, "wrong_signature_type"},
	{373, "inappropriate_fallback"},
	{377, "cert_cb_error"},
	{394, "dh_key_too_small"},
	{396, "version_too_low"},
	{397, "ca_key_too_small"},
	{398, "ca_md_too_weak"},
	{399, "ee_key_too_small"},
	{410, "no_shared_groups"},
};

/* GNUTLS_E_ of gnutls/gnutls.h, without their sign. */
static const struct row gnutls[] = {
	{8, "unsupported_version_packet"},
	{9, "unexpected_packet_length"},
	{12, "fatal_alert_received"},
	{15, "unexpected_packet"},
	{18, "error_in_finished_packet"},
	{19, "unexpected_handshake_packet"},
	{24, "decryption_failed"},
	{29, "expired"},
	{32, "insufficient_credentials"},
	{43, "certificate_error"},
	{48, "key_usage_violation"},
	{49, "no_certificate_found"},
	{53, "push_error"},
	{54, "pull_error"},
	{55, "received_illegal_parameter"},
	{58, "received_illegal_extension"},
	{59, "internal_error"},
	{60, "certificate_key_mismatch"},
	{63, "dh_prime_unacceptable"},
	{87, "no_cipher_suites"},
	{89, "pk_sig_verify_failed"},
	{107, "safe_renegotiation_failed"},
	{110, "premature_termination"},
	{112, "certificate_required"},
	{217, "insufficient_security"},
	{294, "unrecognized_name"},
	{319, "timedout"},
	{321, "ecc_no_supported_curves"},
	{325, "illegal_parameter"},
	{326, "no_priorities_were_set"},
	{328, "session_eof"},
	{344, "no_application_protocol"},
	{348, "certificate_verification_error"},
	{423, "no_common_key_share"},
	{427, "missing_extension"},
};

static const char *find(const struct row *rows, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].number == number)
			return rows[i].name;
	}
	return NULL;
}

const char *tt_tls_alert_name(uint8_t alert)
{
	return find(alerts, TT_ARRAY_LEN(alerts), alert);
}

const char *tt_tls_cipher_name(uint16_t cipher)
{
	return find(ciphers, TT_ARRAY_LEN(ciphers), cipher);
}

const char *tt_tls_group_name(uint16_t group)
{
	return find(groups, TT_ARRAY_LEN(groups), group);
}

const char *tt_tls_openssl_name(uint16_t reason)
{
	return find(openssl, TT_ARRAY_LEN(openssl), reason);
}

const char *tt_tls_gnutls_name(int32_t error)
{
	return error < 0 && error > -UINT16_MAX ? find(gnutls, TT_ARRAY_LEN(gnutls), (uint16_t)-error) : NULL;
}
