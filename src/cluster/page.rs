//! The man page and the completion of the program `fencing`.

/// What doctor does, for its help and for the man page.
pub(super) const DOCTOR: &str = "Examines every fence device of a cluster's configuration, changing nothing. It reads \
    what pcs stonith config --output-format=json prints, or crm configure show xml, or cibadmin --query, runs the agent \
    of each device with the action doctor, and says what it found, with a table at the end.\n\n\
    No option of the configuration makes an agent do anything else. But what its options name is run, as the cluster \
    runs it: the commands of password_script and snmp_priv_passwd_script, and the programs of fence_scsi's \
    corosync_cmap_path and vgs_path. So give it no configuration of somebody whom you wouldn't let type commands here.\n\n\
    Exit codes: 0 all is well, 3 there are warnings, 1 something would fail.";

/// The man page, section 8.
pub(super) fn roff() -> String {
    let doctor = DOCTOR.replace('-', "\\-").replace("\n\n", "\n.PP\n");
    format!(
        r#".TH FENCING 8 "" "fence-agents-rs {}" "Fence agents"
.SH NAME
fencing \- looks after the fence devices of a cluster
.SH SYNOPSIS
.B fencing doctor
[\fB\-\-json\fR] [\fB\-\-agents\fR \fIDIRECTORY\fR] [\fB\-\-jobs\fR \fINUMBER\fR] [\fIFILE\fR|\fB\-\fR]
.br
.B fencing evidence
[\fB\-\-json\fR] \fIFILE\fR
.br
.B fencing agents
[\fB\-\-tsv\fR]
.SH DOCTOR
{doctor}
.TP
\fB\-\-json\fR
Print JSON in place of text for people.
.TP
\fB\-\-agents\fR \fIDIRECTORY\fR
Where the agents are; by default where this program is.
.TP
\fB\-\-jobs\fR \fINUMBER\fR
How many devices are examined at the same time (default 8).
.PP
Without a file, or with \-, standard input is read. What is read holds passwords: the agents get them on their standard
input, and they are printed nowhere. A password that crm configure show hides can't be used; cibadmin \-\-query, run as
root, shows it, and it alone shows nodes, fencing levels and templates in full.
.PP
The configuration is read as Pacemaker reads it. Options that hold only where a rule holds aren't judged: the finding
says so, and a device whose address or login depends on one is not asked.
.SH EVIDENCE
Shows the last ten actions that agents have recorded in the file that their option evidence_file names.
.TP
\fB\-\-json\fR
Print each as the line of JSON that it is.
.SH AGENTS
Names the agents that belong to this release, by family.
.TP
\fB\-\-tsv\fR
Print name, program, package and kind (agent, or check for the watchdog) of each, with tabs between them.
.SH EXAMPLES
.PP
.nf
pcs stonith config \-\-output\-format=json | fencing doctor
cibadmin \-\-query | fencing doctor \-\-json
fencing evidence /var/log/fencing.json
.fi
.SH SEE ALSO
docs/doctor.md and docs/evidence.md in the directory of the documentation, such as /usr/share/doc/fence\-agents\-rs;
\fBfence_ipmilan\fR(8), \fBpcs\fR(8), \fBcrm\fR(8), \fBcibadmin\fR(8).
"#,
        env!("CARGO_PKG_VERSION")
    )
}

/// The completion for bash.
pub(super) const COMPLETION: &str = r#"# bash completion for fencing
_fencing() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'doctor evidence agents --help --version' -- "$word")
        return
    fi
    case $before in
        --agents) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --jobs) return ;;
    esac
    if [[ $word == -* ]]; then
        case ${COMP_WORDS[1]} in
            doctor) mapfile -t COMPREPLY < <(compgen -W '--json --agents --jobs --help' -- "$word") ;;
            evidence) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$word") ;;
            agents) mapfile -t COMPREPLY < <(compgen -W '--tsv --help' -- "$word") ;;
        esac
        return
    fi
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -F _fencing fencing
"#;
