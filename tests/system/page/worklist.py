#!/usr/bin/env python3
"""worklist.py PORT: a worklist server of two orders for today, on this machine alone."""
import datetime
import sys

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind

ORDERS = [("71", "Müller^Jürgen", "M", "0930"), ("72", "Doe^Jane", "F", "1015")]


def order(patient, name, sex, time):
    step = Dataset()
    step.Modality = "US"
    step.ScheduledStationAETitle = "SONOGRADE"
    step.ScheduledProcedureStepStartDate = datetime.date.today().strftime("%Y%m%d")
    step.ScheduledProcedureStepStartTime = time + "00"
    step.ScheduledProcedureStepDescription = "CEUS kidney"
    step.ScheduledProcedureStepID = "S" + patient
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.PatientID = patient
    found.PatientName = name
    found.PatientBirthDate = "19500228"
    found.PatientSex = sex
    found.AccessionNumber = "A" + patient
    found.StudyInstanceUID = "1.2.276.0.7230010.3.9." + patient
    found.RequestedProcedureID = "R" + patient
    found.RequestedProcedureDescription = "CEUS kidney"
    found.ScheduledProcedureStepSequence = [step]
    return found


def find(_):
    for one in ORDERS:
        yield 0xFF00, order(*one)


server = AE("WORKLIST")
server.add_supported_context(ModalityWorklistInformationFind)
server.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_FIND, find)])
