using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>The options that all measuring commands share.</summary>
internal sealed class MeasurementOptions
{
    public Option<int> Rounds { get; } = WholeNumber("--rounds", "Rounds of turns.", 60);

    public Option<int> Seconds { get; } =
        WholeNumber("--seconds", "No further round of a case begins after so many seconds.", 120);

    public Option<int> Threads { get; } =
        WholeNumber("--threads", "Threads of every contender.", Environment.ProcessorCount);

    public Option<string> DeviceName { get; } =
        new("--device")
        {
            Description = "Where to measure: cpu, cuda or cuda:INDEX.",
            HelpName = "DEVICE",
            DefaultValueFactory = _ => "cpu",
        };

    public Option<string?> Data { get; } =
        new("--data")
        {
            Description =
                "Folder with MNIST's files (.gz), or \"synthetic\". [default: data/mnist, synthetic where there is none]",
            HelpName = "DIR",
        };

    public Option<string?> Report { get; } =
        new("--report") { Description = "File for the report (JSON).", HelpName = "FILE" };

    public Option<bool> FreeProducts { get; } =
        new("--free-products")
        {
            Description =
                "Leave libtorch as it comes: the library's MKL_CBWR=AUTO,STRICT and OMP_WAIT_POLICY=PASSIVE are not set.",
        };

    public MeasurementOptions()
    {
        DeviceName.Validators.Add(result =>
        {
            string text = result.GetValue(DeviceName)!;
            if (!ComputeDevice.TryParse(text, out _))
                result.AddError($"--device takes cpu, cuda or cuda:INDEX, not \"{text}\".");
        });
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[Rounds, Seconds, Threads, DeviceName, Data, Report, FreeProducts])
            command.Options.Add(option);
    }

    /// <summary>Loads libtorch and sets its threads.</summary>
    public Measurement Begin(ParseResult parsed)
    {
        bool reproducible = !parsed.GetValue(FreeProducts);
        if (reproducible)
            TorchRuntime.EnsureLoaded();
        else
            torch.InitializeDeviceType(TorchSharp.DeviceType.CPU);
        int threads = parsed.GetValue(Threads);
        torch.set_num_threads(threads);
        if (
            !ComputeDevice.TryParse(parsed.GetValue(DeviceName), out ComputeDevice device)
            || device.CudaIndex >= TorchRuntime.CudaDeviceCount
        )
            throw new InvalidOperationException(
                $"The device {parsed.GetValue(DeviceName)} is not there: {TorchRuntime.DescribeCudaDevices(TorchRuntime.CudaDeviceCount)}."
            );
        return new Measurement(
            parsed.GetValue(Rounds),
            parsed.GetValue(Seconds),
            threads,
            device,
            BenchmarkData.Load(parsed.GetValue(Data)),
            parsed.GetValue(Report),
            reproducible
        );
    }

    public static Option<int> WholeNumber(string name, string description, int fallback, int minimum = 1) =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => fallback,
            CustomParser = result =>
                TryParse(result.Tokens[0].Value, minimum, out int value)
                    ? value
                    : Fail(result, name, minimum, fallback),
        };

    public static Option<int[]> WholeNumbers(string name, string description, params int[] fallback) =>
        new(name)
        {
            Description = description,
            HelpName = "N,N,...",
            DefaultValueFactory = _ => fallback,
            CustomParser = result =>
            {
                var values = new List<int>();
                foreach (string part in result.Tokens[0].Value.Split(','))
                {
                    if (!TryParse(part, 1, out int value))
                    {
                        result.AddError($"{name} takes whole numbers of at least 1 between commas, not \"{part}\".");
                        return fallback;
                    }

                    values.Add(value);
                }

                return [.. values];
            },
        };

    private static bool TryParse(string text, int minimum, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= minimum;

    private static int Fail(ArgumentResult result, string name, int minimum, int fallback)
    {
        result.AddError($"{name} takes a whole number of at least {minimum}, not \"{result.Tokens[0].Value}\".");
        return fallback;
    }
}

/// <summary>What to measure with.</summary>
internal sealed record Measurement(
    int Rounds,
    double Seconds,
    int Threads,
    ComputeDevice Device,
    BenchmarkData Data,
    string? ReportPath,
    bool ReproducibleProducts
)
{
    public torch.Device TorchDevice => new(Device.ToString());

    /// <summary>The machine, as a report names it.</summary>
    public Measuring.Machine Machine => Measuring.Machine.Describe(Device.ToString(), Threads, ReproducibleProducts);

    /// <summary>The time, to the second, in UTC.</summary>
    public static string Now =>
        TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
