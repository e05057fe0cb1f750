using System.Diagnostics;
using System.Reflection;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training.Torch;

/// <summary>
/// libtorch from a folder, in processes of their own, as a process loads it once: in an application without libtorch, and in
/// this one, which has its own.
/// </summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class LibTorchFolderTests
{
    /// <summary>Starts the test assembly as the program that trains a little.</summary>
    internal const string Argument = "train-on-libtorch";

    private const string LoadedPrefix = "loaded: ";

    private static readonly string s_ownFolder = ((string)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES")!)
        .Split(Path.PathSeparator)
        .First(folder => File.Exists(Path.Combine(folder, "libtorch_cpu.so")));

    private static readonly string s_withoutLibtorch = typeof(LibTorchFolderTests)
        .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "ScoringWithoutLibtorch")
        .Value!;

    // A copy as Python's package has it: torch/lib, with the version beside it.
    private static string s_package = "";

    private readonly string _folder = Directory.CreateTempSubdirectory("libtorch").FullName;

    private static string Moved => Path.Combine(s_package, "lib");

    // Copies, not links: the system's loader takes two links to one file for the same library.
    [ClassInitialize]
    public static void CopyLibtorch(TestContext _)
    {
        s_package = Path.Combine(Directory.CreateTempSubdirectory("pytorch").FullName, "torch");
        Directory.CreateDirectory(Moved);
        foreach (string pattern in (string[])["libc10.so", "libtorch.so", "libtorch_cpu.so", "libgomp*"])
        foreach (string file in Directory.GetFiles(s_ownFolder, pattern))
            File.Copy(file, Path.Combine(Moved, Path.GetFileName(file)));
    }

    [ClassCleanup]
    public static void DeleteLibtorch() => Directory.Delete(Path.GetDirectoryName(s_package)!, recursive: true);

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task An_application_without_libtorch_trains_on_that_of_a_folder()
    {
        (int exitCode, string output, string error) = await RunAsync(s_withoutLibtorch, "train", Moved);

        Assert.AreEqual(0, exitCode, output + error);
    }

    [TestMethod]
    public void In_a_notebook_each_library_is_in_its_package()
    {
        string torchSharp = Make("torchsharp/0.107.0/runtimes/linux-x64/native/libLibTorchSharp.so");
        string assembly = Make("torchsharp/0.107.0/lib/net8.0/TorchSharp.dll");
        Assert.AreEqual((torchSharp, null), LibTorch.FindPackages(assembly));

        string libTorch = Make(
            $"libtorch-cpu-linux-x64/{LibTorch.WantedVersion}/runtimes/linux-x64/native/libtorch_cpu.so"
        );
        Assert.AreEqual((torchSharp, Path.GetDirectoryName(libTorch)), LibTorch.FindPackages(assembly));
        Assert.AreEqual((null, null), LibTorch.FindPackages(""));
        Assert.AreEqual((null, null), LibTorch.FindPackages(Make("application/TorchSharp.dll")));

        string Make(string path)
        {
            path = Path.Combine(_folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
            return path;
        }
    }

    // TorchSharp would load it as well, and the process would end.
    [TestMethod]
    public async Task A_folder_beside_the_application_s_own_is_refused()
    {
        string[] lines = await TrainAsync(Moved, "fall-back");

        CollectionAssert.Contains(
            lines,
            $"Warning: Training with the application's own libtorch. libtorch was to be loaded from {Moved}, and the application brings another one with it, in {s_ownFolder}, which TorchSharp loads besides: build the application without TorchSharp-cpu (or TorchSharp-cuda-linux, TorchSharp-cuda-windows), or name no folder."
        );
    }

    [TestMethod]
    public async Task The_folder_may_be_the_application_s_own()
    {
        string[] lines = await TrainAsync(s_ownFolder);

        Assert.AreEqual(
            $"libtorch {TorchRuntime.WantedLibTorchVersion} without CUDA from {Path.TrimEndingDirectorySeparator(s_ownFolder)}",
            lines[0]
        );
    }

    [TestMethod]
    public void The_version_that_is_wanted_is_what_TorchSharp_says() =>
        Assert.StartsWith(TorchRuntime.WantedLibTorchVersion + ".", torch.__version__ + ".");

    [TestMethod]
    public async Task Without_a_folder_the_application_s_own_is_loaded()
    {
        string[] lines = await TrainAsync("");

        Assert.AreEqual($"libtorch {TorchRuntime.WantedLibTorchVersion} without CUDA, the application's own", lines[0]);
        CollectionAssert.Contains(lines, LoadedPrefix + Path.Combine(s_ownFolder, "libtorch_cpu.so"));
    }

    [TestMethod]
    public async Task Python_on_the_path_says_where_pytorch_is()
    {
        WritePython($"echo '{s_package}'");

        (int exitCode, string output, string error) = await RunAsync(
            s_withoutLibtorch,
            "train",
            "pytorch",
            path: _folder
        );

        Assert.AreEqual(0, exitCode, output + error);
    }

    [TestMethod]
    public async Task A_path_without_python_is_said() =>
        await AssertFailsAsync(
            "pytorch",
            "libtorch was to be loaded from PyTorch (INFOMORPHIC_LIBTORCH or TorchRuntime.LibTorchFolder is \"pytorch\"), and there is no python3 on the path."
        );

    [TestMethod]
    public async Task Python_without_pytorch_is_said()
    {
        WritePython("echo");

        await AssertFailsAsync(
            "pytorch",
            "libtorch was to be loaded from PyTorch (INFOMORPHIC_LIBTORCH or TorchRuntime.LibTorchFolder is \"pytorch\"), and the python3 on the path has none."
        );
    }

    [TestMethod]
    public async Task Python_that_fails_is_said()
    {
        WritePython("echo Traceback >&2; echo 'ImportError: no site' >&2; exit 3");

        await AssertFailsAsync(
            "pytorch",
            "libtorch was to be loaded from PyTorch (INFOMORPHIC_LIBTORCH or TorchRuntime.LibTorchFolder is \"pytorch\"), and python3 ended with 3: ImportError: no site."
        );
    }

    [TestMethod]
    public async Task A_folder_that_is_not_there_is_said()
    {
        string missing = Path.Combine(_folder, "missing");

        await AssertFailsAsync(
            missing,
            $"libtorch was to be loaded from {missing}, and there is no such folder: INFOMORPHIC_LIBTORCH and TorchRuntime.LibTorchFolder name the one that holds libtorch_cpu.so."
        );
    }

    [TestMethod]
    public async Task A_folder_without_libtorch_is_said() =>
        await AssertFailsAsync(
            _folder,
            $"libtorch was to be loaded from {_folder}, and libtorch_cpu.so is not in it: name the folder that holds it, as a rule …/torch/lib."
        );

    [TestMethod]
    public async Task A_damaged_libtorch_is_said()
    {
        string library = Path.Combine(_folder, "libtorch_cpu.so");
        await File.WriteAllBytesAsync(
            library,
            (await File.ReadAllBytesAsync(Path.Combine(Moved, "libc10.so")))[..9999]
        );

        await AssertFailsAsync(
            _folder,
            $"The libtorch in {_folder} does not load: {library} is not a whole library of a 64-bit Linux system."
        );
    }

    // A part that something is missing for, as CUDA's libraries may be.
    [TestMethod]
    public async Task What_a_libtorch_needs_and_is_not_there_is_said()
    {
        foreach (string name in (string[])["libc10.so", "libtorch.so", "libtorch_cpu.so"])
            File.CreateSymbolicLink(Path.Combine(_folder, name), Path.Combine(Moved, name));

        await AssertFailsAsync(
            _folder,
            $"The libtorch in {_folder} does not load: libgomp",
            ".so.1: cannot open shared object file: No such file or directory."
        );
    }

    // Another version lacks symbols; here c10 stands for it, which lacks most of them.
    [TestMethod]
    public async Task A_libtorch_that_does_not_fit_is_said_with_symbols_and_versions()
    {
        string library = Directory.CreateDirectory(Path.Combine(_folder, "lib")).FullName;
        File.Copy(Path.Combine(Moved, "libc10.so"), Path.Combine(library, "libtorch_cpu.so"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "version.py"), "__version__ = '2.11.0+cu130'\n");

        await AssertFailsAsync(
            library,
            $"The libtorch 2.11.0 in {library} does not fit TorchSharp 0.107.0, which wants 2.10.0: it lacks 1",
            " symbols, among them _Z"
        );
    }

    // Where the context chooses the device and lets training fall back to the CPU.
    [TestMethod]
    public async Task Training_goes_on_with_the_application_s_own_where_it_may_fall_back()
    {
        string missing = Path.Combine(_folder, "missing");

        string[] lines = await TrainAsync(missing, "fall-back");

        CollectionAssert.Contains(
            lines,
            $"Warning: Training with the application's own libtorch. libtorch was to be loaded from {missing}, and there is no such folder: INFOMORPHIC_LIBTORCH and TorchRuntime.LibTorchFolder name the one that holds libtorch_cpu.so."
        );
        Assert.IsTrue(
            lines.Any(line =>
                line.StartsWith(
                    "Warning: Training on the CPU: GpuDeviceId is 0, and there is no CUDA device that libtorch can use: ",
                    StringComparison.Ordinal
                )
            )
        );
    }

    [TestMethod]
    public void After_libtorch_was_loaded_no_other_one_can_be_named()
    {
        TorchRuntime.EnsureLoaded();

        string failure = Samples.Failure<InvalidOperationException>(() => TorchRuntime.LibTorchFolder = _folder);

        Assert.AreEqual(
            $"This process has loaded {TorchRuntime.Description} and keeps it: set TorchRuntime.LibTorchFolder before anything is trained.",
            failure
        );
    }

    [TestMethod]
    [DataRow(
        "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found",
        true,
        "TorchSharp's native library does not load on this system: /lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (a project that references"
    )]
    [DataRow(
        "libtorch.so: file too short",
        true,
        "The application's libtorch does not load: libtorch.so: file too short."
    )]
    [DataRow("libtorch.so: no such file", false, "Training needs libtorch, and this application has none that loads")]
    public void Why_the_application_s_own_does_not_load_is_said(string loader, bool hasLibtorch, string expected)
    {
        if (hasLibtorch)
            File.WriteAllText(Path.Combine(_folder, "libtorch_cpu.so"), "");

        Assert.StartsWith(expected, LibTorch.DoesNotLoad(Path.Combine(_folder, "libLibTorchSharp.so"), loader));
    }

    [TestMethod]
    [DataRow(false, null, 12040, null, "it was built without CUDA")]
    [DataRow(true, 12080, null, null, "this machine has no NVIDIA driver that loads")]
    [DataRow(true, 12080, 11040, null, "the NVIDIA driver supports CUDA 11.4 at most, and libtorch was built for 12.8")]
    [DataRow(true, 12080, 12040, null, "the NVIDIA driver shows it none")]
    [DataRow(true, 12080, 13000, "", "CUDA_VISIBLE_DEVICES is ''")]
    [DataRow(true, null, 12040, "7", "CUDA_VISIBLE_DEVICES is '7'")]
    public void Why_there_is_no_device_is_found_out(
        bool hasCuda,
        int? builtFor,
        int? driver,
        string? visible,
        string expected
    ) => Assert.StartsWith(expected, LibTorch.ExplainNoDevice(hasCuda, builtFor, driver, visible));

    /// <summary>Trains, and tells what libtorch it was on.</summary>
    /// <param name="mayFallBack">Whether the context asks for a GPU, and lets training fall back to the CPU.</param>
    internal static int Run(bool mayFallBack)
    {
        var context = new MLContext(1);
        InfomorphicTrainer.Options options = Samples.Options();
        if (mayFallBack)
        {
            options.Device = "auto";
            context.GpuDeviceId = 0;
            context.FallbackToCpu = true;
        }

        var trainer = context.MulticlassClassification.Trainers.Infomorphic(options);
        List<string> messages = Samples.Messages(context, () => _ = trainer.Fit(Samples.View(context)));
        Console.WriteLine(TorchRuntime.Description);
        foreach (string line in File.ReadLines("/proc/self/maps"))
            if (
                line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal)
                && line.Contains(" r-xp ", StringComparison.Ordinal)
            )
                Console.WriteLine(LoadedPrefix + line[line.IndexOf('/', StringComparison.Ordinal)..]);
        foreach (string message in messages)
            Console.WriteLine(message);
        return 0;
    }

    private static async Task<string[]> TrainAsync(string libtorch, params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAsync(
            typeof(LibTorchFolderTests).Assembly.Location,
            string.Join(' ', [Argument, .. arguments]),
            libtorch
        );
        Assert.AreEqual(0, exitCode, output + error);
        return output.Split('\n');
    }

    private void WritePython(string script)
    {
        string file = Path.Combine(_folder, "python3");
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private async Task AssertFailsAsync(string libtorch, string start, string rest = "")
    {
        (int exitCode, string output, string error) = await RunAsync(
            s_withoutLibtorch,
            "train",
            libtorch,
            path: _folder
        );

        Assert.AreEqual(1, exitCode, output + error);
        Assert.IsEmpty(output);
        Assert.HasCount(1, error.Trim().Split('\n'), error);
        Assert.StartsWith(start, error);
        Assert.Contains(rest, error);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(
        string application,
        string arguments,
        string libtorch,
        string? path = null
    )
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath is string host && Path.GetFileNameWithoutExtension(host) == "dotnet"
                ? host
                : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            ["exec", application, .. arguments.Split(' ')]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [TorchRuntime.FolderVariable] = libtorch },
        };
        if (path is not null)
            start.Environment["PATH"] = path;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
