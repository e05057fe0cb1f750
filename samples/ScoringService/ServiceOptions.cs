using System.ComponentModel.DataAnnotations;

namespace ScoringService;

/// <summary>
/// The service's settings: section Scoring of appsettings.json, environment variables such as Scoring__MaxRows, or
/// arguments such as --Scoring:MaxRows=100. --model is short for --Scoring:Model.
/// </summary>
internal sealed class ServiceOptions
{
    public const string Section = "Scoring";

    /// <summary>Path of the model file.</summary>
    [Required(ErrorMessage = "Say which model to serve: --model FILE, or Scoring:Model in the configuration.")]
    public string Model { get; set; } = "";

    /// <summary>How often the file is looked at, besides what the file system reports; in seconds.</summary>
    [Range(0.05, 3600, ErrorMessage = "Scoring:PollSeconds can be from 0.05 to 3600.")]
    public double PollSeconds { get; set; } = 2;

    /// <summary>The largest body of a single row or a batch, in bytes.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "Scoring:MaxBodyBytes can be from 1 to 2147483647.")]
    public int MaxBodyBytes { get; set; } = 16 << 20;

    /// <summary>The most rows in a batch.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "Scoring:MaxRows can be from 1 to 2147483647.")]
    public int MaxRows { get; set; } = 10_000;

    /// <summary>The longest line of a stream, in bytes.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "Scoring:MaxLineBytes can be from 1 to 2147483647.")]
    public int MaxLineBytes { get; set; } = 1 << 20;

    /// <summary>The most rows in a stream.</summary>
    [Range(1, long.MaxValue, ErrorMessage = "Scoring:MaxStreamRows can be from 1 up.")]
    public long MaxStreamRows { get; set; } = 100_000_000;

    /// <summary>How long a stream may send nothing before it is ended, in seconds.</summary>
    [Range(0.1, 86400, ErrorMessage = "Scoring:StreamIdleSeconds can be from 0.1 to 86400.")]
    public double StreamIdleSeconds { get; set; } = 120;
}
