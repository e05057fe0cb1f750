namespace SampleSupport;

/// <summary>A row that the model cannot take; the message is one sentence for whoever sent it.</summary>
internal sealed class BadRowException(string message) : Exception(message);
