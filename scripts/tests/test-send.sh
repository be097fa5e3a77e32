#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-send: the mails give quilt's tree and go to the right recipients.  They are sent only
# on request, if they are signed and pass the checks.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
CHANGE_ID=20261120-toy-0123456789ab

# ready: a series of two, the input of a cover letter, and a sender that writes mails to
# $TOY/sent.
ready()
{
	printf '\nRUN\nM:\tRun Ner <run@example.org>\nF:\tlib/run.*\n' >>"$EXECMEM_BASE/MAINTAINERS"
	printf 'print "total: 0 errors, 0 warnings, 0 checks, 8 lines checked\\n";\n' \
		>"$EXECMEM_BASE/scripts/checkpatch.pl"
	printf 'print "$ARGV[-1]: warning: undescribed\n" if $ARGV[-1] =~ /faulty/;\n' \
		>"$EXECMEM_BASE/scripts/kernel-doc"
	maintainers
	toy_series && mkdir -p "$TOY/top/results/compare" "$TOY/sent" || return 1
	printf 'Subject: [PATCH 0/@COUNT@] toy: all of it\n\nWhy.\n\n@COMPARE@\n' \
		>"$TOY/top/cover-letter.in"
	changelog 'v1:\n - first version\n'
	echo '| figures | 7 |' >"$TOY/top/results/compare/compare.md"
	measured
	printf '#!/bin/sh\necho "$*" >>"%s/envelopes"\ncat >"%s/sent/$(date +%%s%%N)"\n' \
		"$TOY" "$TOY" >"$TOY/sendmail"
	chmod +x "$TOY/sendmail"
	printf '[user]\n\tname = Séan D. Er\n\temail = sender@example.org\n[sendemail]\n\tsendmailCmd = %s\n\tconfirm = never\n' \
		"$TOY/sendmail" >"$TOY/gitconfig"
	export GIT_CONFIG_GLOBAL=$TOY/gitconfig GIT_CONFIG_NOSYSTEM=1 EXECMEM_WAIVERS=/dev/null
	unset VERSION SIGNOFF SEND TO CC
	OUT=$TOY/top/results/send
	git_top init -q && commit
}

# changelog SECTIONS: a changelog.in with these.
changelog()
{
	printf "# A note.\nchange-id: $CHANGE_ID\n\n$1" >"$TOY/top/changelog.in"
}

# commit: the version that is sent gets a tag.
commit()
{
	git_top add series patches changelog.in cover-letter.in && git_top commit -q -m toy
}

# measured: the figures are of this series.
measured()
{
	"$SCRIPTS/cover-letter" --series x86_64 arm64 riscv64 >"$TOY/top/results/compare/series"
}

# maintainers: a get_maintainer.pl that knows mm/ and lib/.
maintainers()
{
	cat >"$EXECMEM_BASE/scripts/get_maintainer.pl" <<-'END'
		my $mail = do { local (@ARGV, $/) = $ARGV[-1]; <> };
		print "\"Bj\xc3\xb6rn B.\" <bjorn\@example.org> (maintainer:MM (SMALL))\n"
			if $mail =~ m{^diff --git a/mm/}m;
		print "Run Ner <run\@example.org> (reviewer:RUN)\n" if $mail =~ m{^diff --git a/lib/}m;
		print "list\@example.org (open list)\n";
	END
}

# sent: how many mails have left.
sent()
{
	find "$TOY/sent" -type f | wc -l
}

# send_fails TEXT: make send fails with that and no other line; nothing is mailed.
send_fails()
{
	one_line "$1" send && [ "$(sent)" = 0 ]
}

# header NAME FILE: its value, or nothing.
header()
{
	sed -n "/^\$/q; s/^$1: //Ip" "$2"
}

test_dry_run_gives_the_tree_of_quilt_and_mails_nothing()
{
	ready && keep contents "$TOY/top/patches" "$TOY/base" && quiet send && [ "$(sent)" = 0 ] &&
		grep -q 'nothing was sent' "$TOY/err" && kept || return 1
	# Not by our own means: the whole base, and a plain git am.
	local git=(git -C "$TOY/repo" -c user.name=t -c user.email=t@example.org)
	cp -r "$TOY/base" "$TOY/repo" && "${git[@]}" init -q && "${git[@]}" add -A -f &&
		"${git[@]}" commit -q -m base &&
		"${git[@]}" am -q --empty=drop "$OUT/series.mbox" >/dev/null 2>&1 &&
		diff -r -x .git -x .pc -x .execmem -x patches "$TOY/repo" "$TREE" &&
		[ -x "$TOY/repo/lib/run.sh" ]
}

test_a_series_of_topics_is_sent_whole()
{
	ready && topics && measured && quiet send && [ -s "$OUT/series.mbox" ] &&
		sed -i 's/^-int a20;/-int other;/' "$TOY/top/patches/first/one.patch" && measured &&
		send_fails "first/one.patch does not apply"
}

# topic_letter TOPIC SUBJECT: the texts of a topic.
topic_letter()
{
	mkdir -p "$TOY/top/cover-letters"
	printf 'Subject: [%s 0/@COUNT@] toy: %s\n\nWhy.\n\n@COMPARE@\n' "$2" "$1" >"$TOY/top/cover-letters/$1.in"
	printf 'change-id: 20261120-%s-0123456789ab\n\nv1:\n - first\n' "$1" >"$TOY/top/cover-letters/$1.changelog"
}

test_one_topic_is_sent_with_the_names_of_what_it_needs()
{
	ready && topics && sed -i 's/^# second/& (needs first)/' "$TOY/top/series" &&
		sed -i 's/int a21;/long a21;/' "$TREE/mm/a.c" && quiet refresh --to second/two.patch mm/a.c &&
		topic_letter first PATCH && topic_letter second "RFC PATCH" || return 1
	local -x TOPIC=second
	local cover=$OUT/mails/0000-cover-letter.patch
	quiet send && grep -q '^1 patches; quilt, git am' "$TOY/out" &&
		[ "$(header Subject "$cover")" = "[RFC PATCH 0/1] toy: second" ] &&
		grep -qx "prerequisite-change-id: 20261120-first-0123456789ab:v1" "$cover" &&
		[ "$(grep '^prerequisite-patch-id: ' "$cover")" = "prerequisite-patch-id: $(git patch-id --stable \
			<"$TOY/top/patches/first/one.patch" | cut -d ' ' -f 1)" ] &&
		grep -qx "change-id: 20261120-second-0123456789ab" "$cover" && ! grep -q figures "$cover" &&
		rm "$TOY/top/cover-letters/second.changelog" &&
		fails_with "there is no cover-letters/second.changelog" send && [ "$(sent)" = 0 ] &&
		TOPIC=third send_fails "there is no cover-letters/third.in"
}

test_a_sent_topic_has_its_own_versions()
{
	ready && topics && topic_letter first PATCH && mkdir -p "$TOY/top/results/compare-first" &&
		echo '| figures | 8 |' >"$TOY/top/results/compare-first/compare.md" &&
		git_top add cover-letters && commit || return 1
	TOPIC=first "$SCRIPTS/cover-letter" --series x86_64 arm64 riscv64 >"$TOY/top/results/compare-first/series"
	TOPIC=first SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 2 ] && [ "$(git_top tag)" = first-v1 ] &&
		TOPIC=first SIGNOFF=1 SEND=1 fails_with "first-v1 was sent on" send && [ "$(sent)" = 2 ] &&
		measured && SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 5 ] && [ "$(git_top tag | xargs)" = "first-v1 v1" ]
}

# damaged SED TEXT: a mailbox changed like that is not what quilt makes.
damaged()
{
	sed "$1" "$OUT/series.mbox" >"$TOY/mbox"
	fails_with "$2" steps/send-verify "$TOY/mbox"
}

test_a_mailbox_that_gives_another_tree_is_seen()
{
	ready && quiet send && quiet steps/send-verify "$OUT/series.mbox" &&
		damaged 's/^+int n;/+int m;/' "does not give quilt's tree; other files: mm/new.c" &&
		damaged 's/^new file mode 100755/new file mode 100644/' "other files: lib/run.sh" &&
		damaged 's/^-int a20;/-int other;/' "git am does not apply the mails" &&
		damaged '/^Subject:.*2\/2/,$d' "makes 1 commits of 2 patches"
}

test_the_cover_letter_has_figures_changes_and_base()
{
	ready && quiet send || return 1
	local mail=$OUT/mails/0000-cover-letter.patch
	[ "$(header Subject "$mail")" = "[PATCH 0/2] toy: all of it" ] &&
		grep -qxF '| figures | 7 |' "$mail" && grep -qxF ' - first version' "$mail" &&
		! grep -q 'A note' "$mail" && grep -qx 'base: v6.12.120' "$mail" &&
		grep -q '4 files changed\|3 files changed' "$mail"
}

test_the_cover_letter_has_the_change_id_of_all_versions()
{
	ready && quiet send && [ "$(grep -c "^change-id: $CHANGE_ID\$" "$OUT/series.mbox")" = 1 ] &&
		[ "$(header change-id "$OUT/mails/0000-cover-letter.patch")" = "" ] &&
		[ "$("$SCRIPTS/steps/b4-change-id" "$OUT/series.mbox")" = "$CHANGE_ID" ] &&
		damaged '/^change-id: /d' "need one line 'change-id: $CHANGE_ID'" &&
		damaged 's/^change-id: .*/change-id: another/' "not 'another'" &&
		damaged 's/^change-id: .*/&\n&/' "need one line 'change-id:" &&
		changelog 'v2:\n - better\nv1:\n - first\n' && quiet send &&
		grep -qxF "change-id: $CHANGE_ID" "$OUT/mails/v2-0000-cover-letter.patch" &&
		sed -i /^change-id/d "$TOY/top/changelog.in" &&
		send_fails "changelog.in: needs one line 'change-id: YYYYMMDD-name"
}

test_a_sent_version_is_tagged()
{
	ready && quiet send && SIGNOFF=1 SEND=me quiet send && [ -z "$(git_top tag)" ] &&
		SIGNOFF=1 SEND=1 quiet send && [ "$(git_top rev-parse v1)" = "$(git_top rev-parse HEAD)" ] &&
		changelog 'v2:\n - better\nv1:\n - first\n' &&
		SIGNOFF=1 SEND=1 fails_with "changelog.in or cover-letter.in has changes that are not committed" send &&
		commit && git_top tag v2 v1 &&
		SIGNOFF=1 SEND=1 fails_with "the tag v2 is another series" send &&
		git_top tag -f v2 >/dev/null && [ "$(sent)" = 6 ] && SIGNOFF=1 SEND=1 quiet send &&
		[ "$(sent)" = 9 ] && rm -rf "$TOY/top/.git" "$OUT" &&
		SIGNOFF=1 SEND=1 fails_with "is not a git repository: v2 cannot be tagged" send &&
		[ "$(sent)" = 9 ]
}

test_a_second_version_lists_its_changes()
{
	ready && changelog 'v2:\n - better\nv1:\n - first version\n' &&
		quiet send && grep -q '^Subject: \[PATCH v2 2/2\]' "$OUT/series.mbox" &&
		grep -qxF ' - better' "$OUT/series.mbox" && grep -qxF 'v1:' "$OUT/series.mbox" &&
		VERSION=1 quiet send && grep -q '^Subject: \[PATCH 2/2\]' "$OUT/series.mbox" &&
		! grep -q better "$OUT/series.mbox"
}

test_each_mail_is_sent_once_in_one_thread()
{
	ready && SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ] || return 1
	local cover mail id
	cover=$(grep -l '^Subject: \[PATCH 0/2\]' "$TOY"/sent/*) || return 1
	id=$(header Message-Id "$cover")
	[ -n "$id" ] && [ -z "$(header In-Reply-To "$cover")" ] || return 1
	for mail in "$TOY"/sent/*; do
		header From "$mail" | grep -q '<sender@example.org>' || return 1
		[ "$mail" != "$cover" ] || continue
		[ "$(header In-Reply-To "$mail")" = "$id" ] &&
			[ "$(header References "$mail")" = "$id" ] &&
			grep -qxF 'Signed-off-by: Séan D. Er <sender@example.org>' "$mail" &&
			grep -B1 '^Signed-off-by' "$mail" | grep -q '^Assisted-by:' || return 1
	done
	[ "$(grep -h '^Message-Id: ' "$TOY"/sent/* | sort -u | wc -l)" = 3 ]
}

# whole_header NAME FILE: with its continuations, on one line.
whole_header()
{
	sed '/^$/q' "$2" | sed -e :a -e 'N;s/\n[ \t]\+/ /;ta' -e 'P;D' | sed -n "s/^$1: //p"
}

test_nothing_is_sent_twice()
{
	ready && SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ] &&
		SIGNOFF=1 SEND=1 fails_with "v1 was sent on" send && [ "$(sent)" = 3 ] &&
		: >"$TOY/top/results/junk" && quiet clean && [ ! -e "$OUT/mails" ] &&
		[ ! -e "$TOY/top/results/junk" ] && [ ! -e "$TOY/top/build" ] &&
		mkdir -p "$TOY/top/results/compare" &&
		echo '| figures | 7 |' >"$TOY/top/results/compare/compare.md" && measured &&
		SIGNOFF=1 SEND=1 fails_with "v1 was sent on" send && [ "$(sent)" = 3 ] &&
		quiet send && SIGNOFF=1 SEND=me quiet send && [ "$(sent)" = 6 ] &&
		changelog 'v2:\n - better\nv1:\n - first\n' && commit &&
		SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 9 ]
}

test_partly_sent_mails_are_not_made_again()
{
	ready && cp "$TOY/sendmail" "$TOY/well" || return 1
	sed -i "s,^cat ,[ \"\$(ls $TOY/sent | wc -l)\" -lt 1 ] || exit 1\n&," "$TOY/sendmail"
	SIGNOFF=1 SEND=1 fails_with "v1 was not sent completely: send the missing mails" send &&
		[ "$(sent)" = 1 ] && cp "$TOY/well" "$TOY/sendmail" || return 1
	keep contents "$OUT/mails"
	SIGNOFF=1 SEND=1 fails_with "v1 was not sent" send && fails_with "v1 was not sent" send &&
		[ "$(sent)" = 1 ] && kept || return 1
	# As the message says.
	eval "$(sed -n "s,.* with: \(git send-email .*\) FILE.*,\1 $OUT/mails/000[12]*,p" "$TOY/all")" \
		>/dev/null && [ "$(sent)" = 3 ] &&
		(eval "cd $TOY/top && $(sed -n 's,.*; then: \(mv .*\),\1,p' "$TOY/all")") && quiet send &&
		SIGNOFF=1 SEND=1 fails_with "v1 was sent on" send && [ "$(sent)" = 3 ] &&
		[ "$(grep -h '^Message-Id: ' "$TOY"/sent/* | sort -u | wc -l)" = 3 ]
}

test_a_no_at_the_prompt_is_no_mail()
{
	# git send-email is content with that, too.
	ready && fake git '[ "$1" != send-email ] || set -- "${@:1:$#-1}"' "exec $(command -v git) \"\$@\"" || return 1
	SIGNOFF=1 SEND=1 fails_with "v1 was not sent completely" send &&
		[ "$(sent)" = 2 ] && [ ! -e "$OUT/sent-v1" ] && [ -e "$OUT/sending-v1" ]
}

test_each_patch_goes_to_its_maintainers()
{
	ready && CC="More <more@example.org>, LIST@example.org" SIGNOFF=1 SEND=1 quiet send ||
		return 1
	local one two cover bjorn='=?utf-8?b?QmrDtnJuIEIu?= <bjorn@example.org>'
	one=$(grep -l '^Subject: \[PATCH 1/2\]' "$TOY"/sent/*)
	two=$(grep -l '^Subject: \[PATCH 2/2\]' "$TOY"/sent/*)
	cover=$(grep -l '^Subject: \[PATCH 0/2\]' "$TOY"/sent/*)
	# git send-email encodes names in its own way.
	sed -i 's/=?UTF-8?q?Bj=C3=B6rn=20B=2E?=/=?utf-8?b?QmrDtnJuIEIu?=/' "$TOY"/sent/*
	[ "$(whole_header To "$one")" = "$bjorn" ] &&
		[ "$(whole_header Cc "$one")" = "list@example.org, More <more@example.org>" ] &&
		[ "$(whole_header To "$two")" = "$bjorn" ] &&
		[ "$(whole_header Cc "$two")" = "Run Ner <run@example.org>, list@example.org, More <more@example.org>" ] &&
		[ "$(whole_header To "$cover")" = "$bjorn" ] &&
		grep -qP '^Cc\tRun Ner <run@example.org>\t0,2\treviewer: RUN$' "$OUT/recipients" &&
		grep -qP '^Cc\tMore <more@example.org>\t0-2\tCC=$' "$OUT/recipients" ||
		{ sed '/^$/q; s/^/# /' "$one" "$two"; return 1; }
}

# envelopes: all recipients, on one line.
envelopes()
{
	grep -o '[^ ]*@[^ ]*' "$TOY/envelopes" | sort -u | xargs
}

# add_people_by_settings: of git, which many have set for all their series.
add_people_by_settings()
{
	git config -f "$TOY/gitconfig" sendemail.cc boss@example.org &&
		git config -f "$TOY/gitconfig" sendemail.bcc copy@example.org &&
		git config -f "$TOY/gitconfig" sendemail.to lists@example.org &&
		git config -f "$TOY/gitconfig" sendemail.toCmd 'echo to-cmd@example.org #' &&
		git config -f "$TOY/gitconfig" sendemail.ccCmd 'echo cc-cmd@example.org #'
}

test_mails_have_no_other_recipients()
{
	ready && add_people_by_settings &&
		TO=early@example.org SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ] &&
		[ "$(envelopes)" = "bjorn@example.org early@example.org list@example.org run@example.org" ]
}

test_a_rehearsal_goes_to_the_sender_alone()
{
	ready && add_people_by_settings && CC=more@example.org SIGNOFF=1 SEND=me quiet send && [ "$(sent)" = 3 ] &&
		[ "$(envelopes)" = sender@example.org ] &&
		! grep -hiE '^(To|Cc):' "$TOY"/sent/* | grep -v sender@example.org
}

test_people_in_trailers_get_a_copy()
{
	ready && sed -i 's/^Assisted-by/Reported-by: Fin Der <fin@example.org>\n&/' \
		"$TOY/top/patches/one.patch" && quiet send &&
		grep -qP '^Cc\tFin Der <fin@example.org>\t0-1\ttrailer$' "$OUT/recipients"
}

test_letters_beyond_ascii_arrive()
{
	ready && sed -i 's/^+int n;/+int ñ;/' "$TOY/top/patches/two.patch" && quiet tree &&
		printf 'int ñ;\n' >"$TOY/top/kernel-overlay/mm/new.c" && measured &&
		quiet send && header Content-Type "$OUT"/mails/0002* | grep -q 'charset=UTF-8' && commit &&
		SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ] &&
		header Content-Type "$(grep -l '^+int ñ;' "$TOY"/sent/*)" | grep -q 'charset=UTF-8'
}

test_unsigned_is_never_mailed()
{
	ready && SEND=1 send_fails "SEND=1 needs SIGNOFF=1" &&
		SEND=1 SIGNOFF=0 send_fails "SEND=1 needs SIGNOFF=1" || return 1
	# Even when the sign-off gets lost on the way.
	fake git "exec $(command -v git) \"\${@/--signoff/--no-signoff}\"" || return 1
	SEND=1 SIGNOFF=1 fails_with "0001-toy-one.patch.patch is not signed" send &&
		[ "$(sent)" = 0 ]
}

test_mails_made_by_another_are_never_mailed()
{
	ready && printf 'system("env -u SEND -u SIGNOFF %s/send >%s/other 2>&1");\n' "$SCRIPTS" "$TOY" \
		>>"$EXECMEM_BASE/scripts/checkpatch.pl" && SIGNOFF=1 SEND=1 quiet send &&
		grep -q 'another make send is running' "$TOY/other" && [ "$(sent)" = 3 ] &&
		[ "$(grep -l '^Signed-off-by: Séan' "$TOY"/sent/* | wc -l)" = 2 ]
}

test_a_faulty_series_is_never_mailed()
{
	ready && sed -i '/^Assisted-by/d' "$TOY/top/patches/one.patch" && measured &&
		SEND=1 SIGNOFF=1 fails_with "one.patch: no Assisted-by:" send && [ "$(sent)" = 0 ] &&
		grep -q 'nothing was sent' "$TOY/all" &&
		message one.patch && sed -i "s,^Why it.*,& ($TOY/top/x)," "$TOY/top/patches/one.patch" &&
		measured && SEND=1 SIGNOFF=1 fails_with "a path of this machine" send && [ "$(sent)" = 0 ]
}

test_a_section_without_a_person_is_not_sent()
{
	ready && printf '\nTOY\nF:\tlib/toy.*\n' >>"$TREE/MAINTAINERS" && quiet refresh --to two.patch MAINTAINERS &&
		commit && measured && SEND=1 SIGNOFF=1 fails_with "'TOY' has no M: line" send && [ "$(sent)" = 0 ] &&
		sed -i 's/^TOY$/&\nM:\tSean <sender@example.org>/' "$TREE/MAINTAINERS" && quiet refresh &&
		commit && measured && SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ]
}

test_wrong_uses_get_one_line()
{
	ready || return 1
	SEND=yes send_fails "SEND must be 1, 0 or me, not 'yes'" &&
		SEND=me send_fails "SEND=me needs SIGNOFF=1" &&
		SIGNOFF=yes send_fails "SIGNOFF must be 1 or 0" &&
		GIT_CONFIG_GLOBAL=/dev/null SIGNOFF=1 send_fails "git config --global user.name" &&
		VERSION=9 send_fails "changelog.in has nothing about v9" &&
		VERSION=v2 send_fails "VERSION must be a number" &&
		CC=gcc send_fails "CC must be clang or mail addresses, not 'gcc'" &&
		changelog 'v2:\nv1:\n - first\n' &&
		send_fails "changelog.in: v2: say what has changed" &&
		sed -i 's/^series .*/series of another/' "$TOY/top/results/compare/series" &&
		changelog 'v1:\n - first\n' &&
		SIGNOFF=1 SEND=me send_fails "the figures are not of this series" && measured &&
		rm "$TOY/top/changelog.in" && send_fails "there is no changelog.in" &&
		rm "$TOY/top/results/compare/compare.md" &&
		SIGNOFF=1 SEND=me send_fails "there are no figures: run make compare"
}

test_a_dry_run_needs_no_figures()
{
	ready && sed -i 's/^series .*/series of another/' "$TOY/top/results/compare/series" &&
		quiet send && grep -q "a draft without figures" "$TOY/err" &&
		! grep -q 'figures | 7' "$OUT/series.mbox" || return 1
	rm "$TOY/top/results/compare/compare.md" && quiet send &&
		grep -q "a draft without figures" "$TOY/err"
}

test_a_series_that_does_not_apply_is_named()
{
	ready && sed -i 's/^-int a20;/-int other;/' "$TOY/top/patches/one.patch" && measured &&
		send_fails "one.patch does not apply"
}

test_a_failed_send_leaves_no_mailbox_of_before()
{
	ready && quiet send && [ -s "$OUT/series.mbox" ] &&
		sed -i 's/^-int a20;/-int other;/' "$TOY/top/patches/one.patch" &&
		fails_with "does not apply" send && [ ! -e "$OUT/series.mbox" ] &&
		[ ! -e "$OUT/mails" ]
}

test_figures_are_of_one_base()
{
	ready && "$SCRIPTS/cover-letter" >/dev/null && echo other >"$TOY/base.stamp" &&
		fails_with "the figures are not of this series" cover-letter
}

test_a_name_is_written_as_git_does()
{
	ready && git config -f "$TOY/gitconfig" user.name 'John Doe Jr.' &&
		SIGNOFF=1 SEND=1 quiet send && [ "$(sent)" = 3 ] &&
		[ "$(grep -lx 'Signed-off-by: John Doe Jr <sender@example.org>' "$TOY"/sent/* | wc -l)" = 2 ]
}

test_the_base_of_a_git_tree_is_a_commit()
{
	ready && unset EXECMEM_BASE && cp -r "$TOY/base" "$TOY/user" &&
		printf 'Subject: [PATCH 0/2] toy\n\nWhy.\n' >"$TOY/cover" || return 1
	local git=(git -C "$TOY/user" -c user.name=t -c user.email=t@example.org) commit
	"${git[@]}" init -q && "${git[@]}" add -A -f && "${git[@]}" commit -q -m base &&
		"${git[@]}" tag v6.12.120 && commit=$("${git[@]}" rev-parse HEAD) || return 1
	KERNEL=$TOY/user quiet steps/send-mails "$TOY/cover" "$TOY/mails" &&
		grep -qx "base: v6.12.120 (v6.12.120)" "$TOY/mails/0000-cover-letter.patch" &&
		grep -qx "base-commit: $commit" "$TOY/mails/0000-cover-letter.patch" &&
		echo 'int c;' >>"$TOY/user/mm/b.c" && KERNEL=$TOY/user quiet steps/send-mails "$TOY/cover" "$TOY/mails" &&
		grep -q '^base: v6.12.120.*changes that are not committed' "$TOY/mails/0000-cover-letter.patch" &&
		! grep -q '^base-commit' "$TOY/mails/0000-cover-letter.patch"
}

run_tests
